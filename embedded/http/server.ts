import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { gunzipSync, gzipSync } from "node:zlib";
import { type Answer, type Request, textAnswer } from "./answer.js";

/** Larger request bodies are refused: a bound for a test tool, not Mesos's, which has none. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
const GZIP_FROM_BYTES = 1024;

export type Handler = (request: Request) => Answer | Promise<Answer>;

/** A plain HTTP server on 127.0.0.1 that handles the requests of one connection in their order. */
export class HttpServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The end of the last request of each connection: the next one is handled after it. */
  readonly #tails = new WeakMap<Socket, Promise<void>>();
  readonly #handler: Handler;
  readonly #onError: (error: unknown) => void;

  constructor(handler: Handler, onError: (error: unknown) => void) {
    this.#handler = handler;
    this.#onError = onError;
    const take = (incoming: IncomingMessage, response: ServerResponse) => this.#take(incoming, response);
    this.#server = createServer(
      { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, requireHostHeader: false },
      take,
    );
    // Mesos never sends '100 Continue'; with a listener Node doesn't either.
    this.#server.on("checkContinue", take);
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  /**
   * Listens on 127.0.0.1 and returns the port.
   *
   * @param otherwise what a person can do where the port is in use
   * @throws Error in one clear line
   */
  listen(port: number, otherwise: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException) =>
        reject(new Error(whyNot(error, port, otherwise), { cause: error }));
      this.#server.once("error", fail);
      this.#server.listen(port, "127.0.0.1", () => {
        this.#server.off("error", fail);
        this.#server.on("error", this.#onError);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Breaks all connections and stops listening. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #take(incoming: IncomingMessage, response: ServerResponse): void {
    const { socket } = incoming;
    // The next request of the connection waits until this one was handled, not until its answer ended.
    const before = this.#tails.get(socket);
    const body = readBody(incoming);
    const handled = (before ?? Promise.resolve()).then(() => this.#handle(incoming, body, response));
    this.#tails.set(socket, handled);
  }

  async #handle(incoming: IncomingMessage, body: Promise<Buffer>, response: ServerResponse): Promise<void> {
    try {
      const answer = await this.#answer(incoming, await body);
      if (!response.destroyed) write(response, answer, incoming);
    } catch (error) {
      if (error instanceof BodyRefusal) write(response, textAnswer(error.status, error.message), incoming);
      else if (!incoming.destroyed) {
        this.#onError(error);
        if (!response.headersSent) write(response, textAnswer(500, "500 Internal Server Error."), incoming);
      }
    }
  }

  #answer(incoming: IncomingMessage, raw: Buffer): Answer | Promise<Answer> {
    const target = incoming.url ?? "/";
    const mark = target.indexOf("?");
    return this.#handler({
      method: incoming.method ?? "GET",
      path: mark < 0 ? target : target.slice(0, mark),
      query: mark < 0 ? new URLSearchParams() : lastOfEach(target.slice(mark)),
      target,
      headers: incoming.headers,
      body: inflate(raw, incoming.headers["content-encoding"]),
      socket: incoming.socket,
    });
  }
}

class BodyRefusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Of a parameter that is given twice, the last value counts. */
function lastOfEach(query: string): URLSearchParams {
  return new URLSearchParams([...new Map(new URLSearchParams(query))]);
}

function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const reading = new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
      else reject(new BodyRefusal(413, `The body is over ${MAX_BODY_BYTES} bytes`));
    });
    incoming.on("end", () => resolve(Buffer.concat(chunks)));
    incoming.on("error", reject);
    incoming.on("close", () => reject(new Error("the connection broke within a request")));
  });
  // It is awaited only when the requests before it are done.
  reading.catch(() => {});
  return reading;
}

function inflate(body: Buffer, encoding: string | undefined): Buffer {
  if (encoding !== "gzip") return body;
  try {
    return gunzipSync(body, { maxOutputLength: MAX_BODY_BYTES });
  } catch {
    throw new BodyRefusal(400, "Failed to decode the gzip body");
  }
}

function write(response: ServerResponse, answer: Answer, incoming: IncomingMessage): void {
  response.statusCode = answer.status;
  response.removeHeader("Connection");
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (answer.stream) {
    answer.stream(response);
    return;
  }
  let body = Buffer.from(answer.body ?? "");
  if (body.length >= GZIP_FROM_BYTES && /\bgzip\b/.test(String(incoming.headers["accept-encoding"] ?? ""))) {
    body = gzipSync(body);
    response.setHeader("Content-Encoding", "gzip");
  }
  response.setHeader("Content-Length", body.length);
  response.end(body);
}

function whyNot({ code, message }: NodeJS.ErrnoException, port: number, otherwise: string): string {
  if (code === "EADDRINUSE") return `port ${port} is in use: ${otherwise}`;
  if (code === "EACCES") return `port ${port} may not be used by this user: choose one above 1023`;
  return message;
}
