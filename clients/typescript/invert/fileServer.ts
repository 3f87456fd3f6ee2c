import { timingSafeEqual } from "node:crypto";
import { open } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { ProgramError } from "../library/program.js";
import { type ReceivedResult, receiveResult, UploadRefused } from "./receiveResult.js";

/** One image as the agents see it. */
export interface ServedImage {
  token: string;
  /** The file to fetch; undefined for images that agents fetch elsewhere. */
  inputPath: string | undefined;
  /** True once its result is there. */
  hasResult: boolean;
}

export interface FileServerOptions {
  /** Address to listen on. */
  bindHost: string;
  /** 0: any free one. */
  port: number;
  /** The host part of the URLs that agents get; the server itself does not care. */
  advertisedHost: string;
  /** The executor's archive. */
  archive: { path: string; fileName: string; token: string };
  /** Folder for uploads that come in. */
  folder: string;
  /** Largest result, in bytes. */
  maxResultBytes: number;
  findImage: (id: string) => ServedImage | undefined;
  /** Takes a complete upload. False: there is a result already, and this one is dropped. */
  onResult: (id: string, result: ReceivedResult) => Promise<boolean>;
  /** A result could not be written. Its agent is asked to try again. */
  onUnwritable: (error: ProgramError) => void;
}

/** The only paths there are. Nothing of them is ever a file name: ids and tokens are looked up. */
const PATH = /^\/(executor|input|result)\/([\w-]{1,64})\/([\w.-]{1,128})$/;
/** `..` and backslashes in any spelling: someone tries something. */
const SUSPICIOUS = /\.\.|%2e|%2f|%5c|\\|%00/i;
const SILENCE_MS = 60_000;

/**
 * The one HTTP server of the batch: gives the executor's archive and the images to the agents, and takes the results.
 * Without the token nothing can be fetched or put; what is not known and what has the wrong token look the same.
 */
export class FileServer {
  readonly #options: FileServerOptions;
  readonly #server: Server;
  #port = 0;

  private constructor(options: FileServerOptions) {
    this.#options = options;
    this.#server = createServer({ headersTimeout: 10_000, requestTimeout: 900_000, keepAliveTimeout: 10_000 });
    this.#server.on("request", (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    this.#server.setTimeout(SILENCE_MS);
  }

  /** @throws Error with the code EADDRINUSE, or another one, when it can't listen there */
  static async start(options: FileServerOptions): Promise<FileServer> {
    const server = new FileServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once("error", reject);
      server.#server.listen({ host: options.bindHost, port: options.port, exclusive: true }, resolve);
    });
    server.#port = (server.#server.address() as AddressInfo).port;
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** What all URLs begin with. */
  get origin(): string {
    return `http://${this.host}`;
  }

  /** Host and port as agents are told. */
  get host(): string {
    const { advertisedHost } = this.#options;
    return `${advertisedHost.includes(":") ? `[${advertisedHost}]` : advertisedHost}:${this.#port}`;
  }

  get archiveUrl(): string {
    const { token, fileName } = this.#options.archive;
    return `${this.origin}/executor/${token}/${fileName}`;
  }

  inputUrl(id: string, token: string): string {
    return `${this.origin}/input/${id}/${token}`;
  }

  resultUrl(id: string, token: string): string {
    return `${this.origin}/result/${id}/${token}`;
  }

  /** Stops at once: transfers that are under way break off. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("x-content-type-options", "nosniff");
    try {
      await this.#route(request, response);
    } catch (error) {
      if (error instanceof UploadRefused) refuse(request, response, error.status, error.message);
      else if (error instanceof ProgramError) this.#unwritable(request, response, error);
      else if (response.headersSent) response.destroy();
      else refuse(request, response, 500, "it can't be served");
    }
  }

  #unwritable(request: IncomingMessage, response: ServerResponse, error: ProgramError): void {
    refuse(request, response, 503, "the result can't be written");
    this.#options.onUnwritable(error);
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? "";
    if (!url.startsWith("/") || SUSPICIOUS.test(url))
      return refuse(request, response, 400, "not a path of this server");
    const [, kind, id = "", token = ""] = PATH.exec(url) ?? [];
    if (kind === "executor") return await this.#serveArchive(request, response, id, token);
    const image = kind === undefined ? undefined : this.#options.findImage(id);
    if (image === undefined || !same(token, image.token))
      return refuse(request, response, 404, "there is no such thing");
    if (kind === "result") return await this.#takeResult(request, response, id, image);
    if (image.inputPath === undefined) return refuse(request, response, 404, "there is no such thing");
    await sendFile(request, response, image.inputPath);
  }

  async #serveArchive(request: IncomingMessage, response: ServerResponse, token: string, name: string): Promise<void> {
    const { archive } = this.#options;
    if (!same(token, archive.token) || name !== archive.fileName) {
      return refuse(request, response, 404, "there is no such thing");
    }
    await sendFile(request, response, archive.path);
  }

  async #takeResult(request: IncomingMessage, response: ServerResponse, id: string, image: ServedImage): Promise<void> {
    if (request.method !== "PUT") return wrongMethod(request, response, "PUT");
    if (image.hasResult) return refuse(request, response, 409, "the result is there already");
    const { folder, maxResultBytes, onResult } = this.#options;
    const result = await receiveResult(request, folder, maxResultBytes);
    if (!(await onResult(id, result))) return refuse(request, response, 409, "the result is there already");
    response.writeHead(201).end();
  }
}

function same(given: string, token: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(token);
  return a.length === b.length && timingSafeEqual(a, b);
}

async function sendFile(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") return wrongMethod(request, response, "GET, HEAD");
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return refuse(request, response, 410, "the file is gone");
  try {
    const { size } = await file.stat();
    response.writeHead(200, { "content-type": "application/octet-stream", "content-length": size });
    if (request.method === "HEAD" || size === 0) response.end();
    // Not more than was announced, whatever is appended meanwhile.
    else await pipeline(file.createReadStream({ end: size - 1, autoClose: false }), response);
  } finally {
    await file.close();
  }
}

function wrongMethod(request: IncomingMessage, response: ServerResponse, allowed: string): void {
  response.setHeader("allow", allowed);
  refuse(request, response, 405, `only ${allowed}`);
}

function refuse(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  // The rest of a refused upload is not read: its connection can't be used for another request.
  if (!request.complete) response.setHeader("connection", "close");
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}
