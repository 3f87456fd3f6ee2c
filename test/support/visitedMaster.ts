import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TlsOptions } from "node:tls";

/** What a visitor asked. */
export interface Visit {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
}

export interface VisitedMasterOptions {
  readonly tls?: TlsOptions;
  /** Answers what schedulers POST to. Default: as the leader, 405. */
  readonly scheduler?: (response: ServerResponse, visit: Visit) => void;
  /** Answers `/version`. Default: as Mesos 1.11.0. */
  readonly version?: (response: ServerResponse) => void;
  /** It is an agent: it answers GET requests of schedulers as a real one does, which is as the leader does. */
  readonly agent?: boolean;
  /** The `--roles` that it shows. Default: it shows no flags. */
  readonly roles?: string;
  /** By as much its clock is ahead, in ms. Default 0. */
  readonly clockOffMs?: number;
}

/** What Mesos answers at `/version`, on masters and agents. */
export const MESOS_VERSION = JSON.stringify({ build_date: "2020-11-17", version: "1.11.0" });

/** A master, or what is in its place, as programs see it that only look: it keeps all that it was asked. */
export class VisitedMaster {
  readonly visits: Visit[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(options: VisitedMasterOptions = {}): Promise<VisitedMaster> {
    const { tls, scheduler = leads, version = isMesos, agent = false, roles, clockOffMs = 0 } = options;
    const answer: RequestListener = (request, response) => {
      const { method = "", url: path = "", headers } = request;
      const visit = { method, path, authorization: headers.authorization };
      master.visits.push(visit);
      response.setHeader("Date", new Date(Date.now() + clockOffMs).toUTCString());
      if (path === "/version") version(response);
      else if (path === "/flags")
        answering(roles === undefined ? 404 : 200, JSON.stringify({ flags: { roles } }))(response);
      else if (path.endsWith("/health")) answering(agent === path.startsWith("/slave(1)/") ? 200 : 404)(response);
      else scheduler(response, visit);
    };
    const server = tls ? createHttpsServer(tls, answer) : createHttpServer(answer);
    const master = new VisitedMaster(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return master;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

function leads(response: ServerResponse): void {
  response
    .writeHead(405, { Allow: "POST", "Content-Type": "text/plain; charset=utf-8" })
    .end("405 Method Not Allowed.");
}

function isMesos(response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "application/json" }).end(MESOS_VERSION);
}

/** Answers with a status and a text, as Mesos does. */
export function answering(status: number, body = "", headers: Record<string, string> = {}) {
  return (response: ServerResponse): void => {
    response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", ...headers }).end(body);
  };
}

/** Answers as a leader that wants this `Authorization` header. */
export function wanting(authorization: string) {
  return (response: ServerResponse, visit: Visit): void => {
    if (visit.authorization === authorization) return leads(response);
    answering(401, "", { "WWW-Authenticate": 'Basic realm="mesos-master-scheduler"' })(response);
  };
}
