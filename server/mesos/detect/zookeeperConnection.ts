import { connect, type Socket } from "node:net";
import { PatientTimer } from "../../../wire/patientTimer.js";
import type { ClientTls } from "../tls/clientTls.js";
import { connectWithTls } from "../tls/connectWithTls.js";
import type { TlsError } from "../tls/tlsErrorText.js";
import type { TlsFlags } from "../tls/tlsFiles.js";
import { FrameReader, FrameSplitter, FrameWriter, ZookeeperWireError } from "./zookeeperWire.js";

export interface ZookeeperConnectionOptions {
  readonly host: string;
  readonly port: number;
  /** Undefined: plain text. */
  readonly tls: ClientTls | undefined;
  /** `user:password` for ZooKeeper's digest scheme. */
  readonly credentials: string | undefined;
  /** What is asked for, in ms; the server may grant another. */
  readonly sessionTimeoutMs: number;
  /** How long connecting and the session's opening may take, in ms. */
  readonly connectTimeoutMs: number;
  /** A watch fired: something at `path` changed. */
  onWatch(path: string): void;
  /** The connection ended, for this reason. Not called after `close`, nor before `open` resolves. */
  onClosed(reason: string): void;
}

/** The options of TLS towards ZooKeeper. */
export const ZOOKEEPER_TLS: TlsFlags = { ca: "--zk-ca", cert: "--zk-cert", key: "--zk-key" };

/** ZooKeeper's answer that something can't be done. */
export class ZookeeperError extends Error {
  override readonly name = "ZookeeperError";
  readonly code: number;

  constructor(code: number) {
    super(ERROR_TEXTS[code] ?? `ZooKeeper answers with error ${code}`);
    this.code = code;
  }
}

export const NO_NODE = -101;
export const NO_AUTH = -102;
const AUTH_FAILED = -115;
const ERROR_TEXTS: Record<number, string> = {
  [NO_NODE]: "there is no such node",
  [NO_AUTH]: "reading is not allowed",
  [AUTH_FAILED]: "ZooKeeper refuses the credentials",
};

const OP = { exists: 3, getData: 4, getChildren: 8, ping: 11, auth: 100, closeSession: -11 } as const;
const XID = { watch: -1, ping: -2, auth: -4 } as const;
/** ZooKeeper's own limit for a node is 1 MiB, and 4 MiB for what a client reads. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;
const MAX_PENDING = 1_000;

interface Pending {
  readonly xid: number;
  resolve(reply: FrameReader): void;
  reject(error: Error): void;
}

/**
 * One connection to one ZooKeeper server, with a session of its own, for reading and watching. It does not connect
 * again: that is its owner's to do, with another connection, so that nothing of a broken stream is carried over.
 * ZooKeeper answers in order. A server that is silent for two thirds of the session's time is given
 * up, and one that lets a request wait for longer than that time.
 *
 * Written by hand because the client library that there is for Node throws out of its socket's event handler, and so
 * ends the process, when a peer sends what it can't parse, and does not notice a server that is silent.
 */
export class ZookeeperConnection {
  readonly #options: ZookeeperConnectionOptions;
  readonly #socket: Socket;
  readonly #frames = new FrameSplitter(MAX_FRAME_BYTES);
  readonly #pending: Pending[] = [];
  #opening: { resolve(): void; reject(error: Error): void } | undefined;
  #xid = 0;
  #ended: string | undefined;
  /** What the server granted, in ms. */
  #sessionTimeoutMs = 0;
  #pings: NodeJS.Timeout | undefined;
  /** For anything that the server sends, and for the answers to requests: some answer pings, and nothing else. */
  readonly #silence = new PatientTimer(() => this.#end(`${this.#where} does not answer`));
  readonly #unanswered = new PatientTimer(() => this.#end(`${this.#where} does not answer a request`));

  private constructor(options: ZookeeperConnectionOptions) {
    this.#options = options;
    this.#socket = this.#connected(() => this.#socket.write(connectRequest(options.sessionTimeoutMs)));
    this.#socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    this.#socket.on("error", (error: TlsError & NodeJS.ErrnoException) => this.#end(this.#errorText(error)));
    this.#socket.on("close", () => this.#end(`${this.#where} closed the connection${this.#hint}`));
    this.#silence.start(options.connectTimeoutMs);
  }

  /** Connects and opens a session. @throws Error with a text for a person, even when `signal` aborts. */
  static async open(options: ZookeeperConnectionOptions, signal: AbortSignal): Promise<ZookeeperConnection> {
    signal.throwIfAborted();
    const connection = new ZookeeperConnection(options);
    const abort = () => connection.#end("closed");
    signal.addEventListener("abort", abort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        connection.#opening = { resolve, reject };
      });
      return connection;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** The names of a node's children; `watch` for one call of `onWatch` when they change. @throws ZookeeperError */
  async children(path: string, watch: boolean): Promise<string[]> {
    return (await this.#request(OP.getChildren, path, watch)).strings();
  }

  /** What a node holds; `watch` for one call of `onWatch` when that changes. @throws ZookeeperError */
  async data(path: string, watch: boolean): Promise<Buffer> {
    return Buffer.from((await this.#request(OP.getData, path, watch)).bytes());
  }

  /** Whether there is a node; `watch` for one call of `onWatch` when it comes or goes. @throws ZookeeperError */
  async exists(path: string, watch: boolean): Promise<boolean> {
    try {
      await this.#request(OP.exists, path, watch);
      return true;
    } catch (error) {
      if (error instanceof ZookeeperError && error.code === NO_NODE) return false;
      throw error;
    }
  }

  /** Ends session and connection. */
  close(): void {
    if (this.#ended !== undefined) return;
    this.#ended = "closed";
    this.#stopTimers();
    this.#rejectAll(this.#ended);
    // The server then forgets the session at once, and not after its time.
    this.#socket.end(
      new FrameWriter()
        .int(++this.#xid)
        .int(OP.closeSession)
        .finish(),
    );
    this.#socket.destroySoon();
  }

  #connected(onReady: () => void): Socket {
    const { host, port, tls } = this.#options;
    if (!tls) return connect({ host, port, noDelay: true }, onReady);
    const peer = { where: this.#where, flags: ZOOKEEPER_TLS, ifPlain: "if that is its plain port, write zk://" };
    return connectWithTls({ host, port }, tls, peer, onReady).setNoDelay(true);
  }

  /** ZooKeeper closes silently if it wants TLS, or if a client has too many connections. */
  get #hint(): string {
    if (!this.#opening) return "";
    const reason = this.#options.tls
      ? "one that wants a client certificate, or another one, may do so: --zk-cert"
      : "one that wants TLS may do so: then write zks://";
    return ` before a session was open (${reason})`;
  }

  get #where(): string {
    return `${this.#options.host}:${this.#options.port}`;
  }

  #request(op: number, path: string, watch: boolean): Promise<FrameReader> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(new Error(this.#ended));
      if (this.#pending.length >= MAX_PENDING) return reject(new Error("too many requests wait for ZooKeeper"));
      const xid = ++this.#xid;
      if (this.#pending.length === 0) this.#unanswered.start(this.#sessionTimeoutMs);
      this.#pending.push({ xid, resolve, reject });
      this.#socket.write(new FrameWriter().int(xid).int(op).string(path).bool(watch).finish());
    });
  }

  #onData(chunk: Buffer): void {
    if (this.#opening && !this.#options.tls && isTlsAlert(chunk)) {
      return this.#end(`${this.#where} wants TLS: write zks:// in place of zk://, or use its plain port`);
    }
    try {
      for (const frame of this.#frames.push(chunk)) {
        if (this.#ended !== undefined) return;
        const reader = new FrameReader(frame);
        if (this.#opening) this.#onOpened(reader, this.#opening);
        else this.#onReply(reader);
      }
    } catch (error) {
      if (!(error instanceof ZookeeperWireError)) throw error;
      this.#end(`${this.#where} does not speak ZooKeeper's protocol: ${error.message}`);
    }
  }

  #onOpened(reader: FrameReader, opening: { resolve(): void }): void {
    const version = reader.int();
    const timeoutMs = reader.int();
    if (version !== 0) throw new ZookeeperWireError(`protocol version ${version}`);
    if (timeoutMs <= 0) return this.#end(`${this.#where} does not open a session`);
    const { credentials } = this.#options;
    if (credentials !== undefined) this.#socket.write(authRequest(credentials));
    this.#sessionTimeoutMs = timeoutMs;
    this.#pings = setInterval(() => this.#ping(), Math.max(1, timeoutMs / 3));
    this.#silence.start((timeoutMs * 2) / 3);
    this.#opening = undefined;
    opening.resolve();
  }

  #onReply(reader: FrameReader): void {
    this.#silence.refresh();
    const xid = reader.int();
    reader.long();
    const error = reader.int();
    if (xid === XID.ping) return;
    if (xid === XID.auth) {
      if (error !== 0) this.#end(new ZookeeperError(AUTH_FAILED).message);
      return;
    }
    if (xid === XID.watch) {
      reader.int();
      reader.int();
      return this.#options.onWatch(reader.string());
    }
    const pending = this.#pending[0];
    if (pending?.xid !== xid) throw new ZookeeperWireError("an answer to a request that was not made");
    this.#pending.shift();
    if (this.#pending.length === 0) this.#unanswered.stop();
    else this.#unanswered.refresh();
    if (error === 0) pending.resolve(reader);
    else pending.reject(new ZookeeperError(error));
  }

  /** Keeps the session. */
  #ping(): void {
    this.#socket.write(new FrameWriter().int(XID.ping).int(OP.ping).finish());
  }

  #end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#stopTimers();
    this.#socket.destroy();
    this.#rejectAll(reason);
    if (this.#opening) this.#opening.reject(new Error(reason));
    else this.#options.onClosed(reason);
  }

  #rejectAll(reason: string): void {
    for (const pending of this.#pending.splice(0)) pending.reject(new Error(reason));
  }

  #stopTimers(): void {
    clearInterval(this.#pings);
    this.#silence.stop();
    this.#unanswered.stop();
  }

  #errorText(error: TlsError & NodeJS.ErrnoException): string {
    if (error.meaning !== undefined) return error.meaning;
    if (error.code === "ECONNREFUSED") return `nothing listens at ${this.#where}`;
    if (error.code === "ENOTFOUND" || error.code === "EAI_AGAIN") {
      return `the name ${this.#options.host} can't be resolved`;
    }
    if (error.code === "ECONNRESET" || error.code === "EPIPE")
      return `the connection to ${this.#where} broke${this.#hint}`;
    return `${this.#where}: ${error.message === "" ? (error.code ?? "no connection") : error.message}`;
  }
}

/** A TLS server's answer to anything that is not TLS: a record of type alert, of any version. */
function isTlsAlert(bytes: Buffer): boolean {
  return bytes[0] === 0x15 && bytes[1] === 0x03;
}

/** Asks for a new session: no transaction seen, session id 0, no password, not read-only. */
function connectRequest(timeoutMs: number): Buffer {
  return new FrameWriter().int(0).long(0n).int(timeoutMs).long(0n).bytes(Buffer.alloc(16)).bool(false).finish();
}

function authRequest(credentials: string): Buffer {
  return new FrameWriter().int(XID.auth).int(OP.auth).int(0).string("digest").string(credentials).finish();
}
