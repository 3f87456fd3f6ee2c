import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ListenAddress } from "../grpc/connections/listenAddress.js";
import { type Bound, Listener } from "../grpc/connections/listener.js";
import type { Log } from "../log.js";

/** What a path answers. */
export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Makes an answer, once per request. */
export type Route = () => HttpAnswer | Promise<HttpAnswer>;

export interface HttpServerOptions {
  readonly routes: ReadonlyMap<string, Route>;
  readonly log: Log;
  /** How long a connection may last, from its beginning to the end of its one answer, in ms. Default 10,000. */
  readonly maxConnectionMs?: number;
}

/** Probes and scrapers have one connection each; beyond, the oldest is closed. */
const MAX_CONNECTIONS = 64;
/** Request line and headers, in bytes. */
const MAX_HEADER_BYTES = 8 * 1024;
const MAX_CONNECTION_MS = 10_000;

/**
 * Serves a few paths to GET and HEAD over HTTP/1.1. A connection has one request and a bounded time, and nothing that a
 * client sends is kept.
 */
export class HttpServer {
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #maxConnectionMs: number;
  readonly #server: Server;
  readonly #listener = new Listener((socket) => this.#accept(socket));
  /** The oldest first. */
  readonly #sockets = new Set<Socket>();

  constructor({ routes, log, maxConnectionMs = MAX_CONNECTION_MS }: HttpServerOptions) {
    this.#routes = routes;
    this.#maxConnectionMs = maxConnectionMs;
    this.#server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
      this.#answer(request, response).catch((err: unknown) => {
        log.error({ err }, "a request over HTTP failed");
        if (response.headersSent) response.destroy();
        else send(response, text(500, "the bridge failed; its log says why"));
      });
    });
    this.#server.maxRequestsPerSocket = 1;
  }

  /** @throws ListenError if the address can't be used */
  async listen(address: ListenAddress): Promise<Bound> {
    const [bound] = await this.#listener.listen([address]);
    return bound as Bound;
  }

  /** Takes no more connections, and closes those that are there. */
  close(): void {
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    if (this.#sockets.size >= MAX_CONNECTIONS) {
      const [oldest] = this.#sockets;
      oldest?.destroy();
    }
    this.#sockets.add(socket);
    const overdue = setTimeout(() => socket.destroy(), this.#maxConnectionMs);
    socket.once("close", () => {
      clearTimeout(overdue);
      this.#sockets.delete(socket);
    });
    // A peer that resets its connection is its own business.
    socket.on("error", () => {});
    this.#server.emit("connection", socket);
  }

  async #answer({ method, url = "" }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ""] = url.split("?", 1);
    const route = this.#routes.get(path);
    if (!route) return send(response, text(404, `there is ${[...this.#routes.keys()].join(", ")}`));
    if (method !== "GET" && method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      return send(response, text(405, "use GET or HEAD"));
    }
    send(response, await route());
  }
}

/** A short answer for a person. */
export function text(status: number, line: string): HttpAnswer {
  return { status, type: "text/plain; charset=utf-8", body: `${line}\n` };
}

function send(response: ServerResponse, { status, type, body }: HttpAnswer): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    connection: "close",
  });
  response.end(body);
}
