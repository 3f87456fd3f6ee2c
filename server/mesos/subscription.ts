import type { Socket } from "node:net";
import { Client, type Dispatcher, errors } from "undici";
import { WireError } from "../../wire/proto.js";
import { RecordIOError, RecordReader } from "../../wire/recordio.js";
import { connectErrorText } from "./connectError.js";
import { openSocket } from "./openSocket.js";

export interface SubscriptionOptions {
  readonly master: URL;
  /** Serialized `mesos.v1.scheduler.Call` of type SUBSCRIBE. */
  readonly call: Uint8Array;
  readonly authorization: string | undefined;
  /** PEM certificates to trust in place of the system's, for https. */
  readonly tlsCa: string | undefined;
  /** How long connecting and the answer's head may take, in ms. */
  readonly connectTimeoutMs: number;
  /** Largest event that is accepted, in bytes. */
  readonly maxRecordBytes: number;
}

export interface SubscriptionHandler {
  /** The master answered 200: events follow. */
  onOpen(streamId: string): void;
  /** The events of one chunk, in order, as views of it. */
  onEvents(events: readonly Uint8Array[]): void;
}

/** How an attempt to subscribe, or a subscription, ended. */
export type SubscriptionEnd =
  /** The stream ended or broke, or could not be opened. */
  | { readonly kind: "broken"; readonly reason: string }
  /** Another master leads (307). */
  | { readonly kind: "redirected"; readonly leader: URL }
  /** The peer answered, and what it answered can't be used. */
  | { readonly kind: "rejected"; readonly status: number; readonly reason: string };

const MEDIA_TYPE = "application/x-protobuf";
const MAX_ERROR_BODY_BYTES = 4096;

/**
 * Subscribes on a connection of its own and reads events until the stream ends or
 * `signal` aborts. How it ended is the result; it rejects with what a handler has thrown, except for a `WireError`.
 */
export async function subscribe(
  options: SubscriptionOptions,
  handler: SubscriptionHandler,
  signal: AbortSignal,
): Promise<SubscriptionEnd> {
  const connecting = new Connecting(options);
  const client = new Client(options.master.origin, {
    connect: (_, callback) => connecting.open(callback),
    pipelining: 1,
    headersTimeout: options.connectTimeoutMs,
    // The link watches the heartbeats; a stream may otherwise be silent for as long as it likes.
    bodyTimeout: 0,
    maxResponseSize: -1,
  });
  try {
    return await new Promise<SubscriptionEnd>((resolve, reject) => {
      const reader = new SubscriptionReader(options, handler, signal, { resolve, reject });
      if (reader.begin()) client.dispatch(requestOf(options), reader);
    });
  } finally {
    connecting.close();
    await client.destroy();
  }
}

type Connected = (...args: [null, Socket] | [Error, null]) => void;

/** Connects in the way of the calls' connection, within a time, and can be ended while it does. */
class Connecting {
  readonly #options: SubscriptionOptions;
  #close = (): void => {};

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  open(callback: Connected): void {
    const { master, tlsCa, connectTimeoutMs } = this.#options;
    let done = false;
    const finish = (error: Error | undefined) => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      if (error) socket.destroy();
      if (error) callback(error, null);
      else callback(null, socket);
    };
    const timer = setTimeout(() => finish(new errors.ConnectTimeoutError()), connectTimeoutMs);
    const socket = openSocket(master, tlsCa, () => finish(undefined));
    socket.on("error", finish).on("close", () => finish(new errors.SocketError("closed before it stood")));
    this.#close = () => finish(new errors.SocketError("given up"));
  }

  /** Ends a connection that does not stand yet. */
  close(): void {
    this.#close();
  }
}

function requestOf(options: SubscriptionOptions): Dispatcher.DispatchOptions {
  const headers: Record<string, string> = { "content-type": MEDIA_TYPE, accept: MEDIA_TYPE };
  if (options.authorization !== undefined) headers.authorization = options.authorization;
  return { path: "/api/v1/scheduler", method: "POST", headers, body: options.call };
}

/** The two ways in which `subscribe` ends; the first one counts. */
interface Settle {
  resolve(end: SubscriptionEnd): void;
  reject(error: unknown): void;
}

/** Reads one answer to SUBSCRIBE. */
class SubscriptionReader implements Dispatcher.DispatchHandler {
  readonly #handler: SubscriptionHandler;
  readonly #signal: AbortSignal;
  readonly #settle: Settle;
  readonly #records: RecordReader;
  readonly #master: URL;
  readonly #authenticates: boolean;
  readonly #timeoutMs: number;
  /** Ends an answer that is no stream of events and does not end by itself. */
  #timer: NodeJS.Timeout | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #open = false;
  #status = 0;
  #rejection = "";
  #errorBody: Buffer[] = [];
  #errorBytes = 0;

  constructor(options: SubscriptionOptions, handler: SubscriptionHandler, signal: AbortSignal, settle: Settle) {
    this.#master = options.master;
    this.#timeoutMs = options.connectTimeoutMs;
    this.#authenticates = options.authorization !== undefined;
    this.#handler = handler;
    this.#signal = signal;
    this.#settle = settle;
    this.#records = new RecordReader({ maxRecordBytes: options.maxRecordBytes });
  }

  readonly #onAbort = (): void => this.#end({ kind: "broken", reason: abortReason(this.#signal) });

  /** False if it is over already. */
  begin(): boolean {
    if (this.#signal.aborted) this.#onAbort();
    else this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    return !this.#signal.aborted;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal.aborted) controller.abort(new Error("the subscription ended"));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Record<string, unknown>): void {
    this.#status = status;
    if (status === 307) return this.#redirect(headers.location);
    if (status !== 200) {
      this.#timer ??= setTimeout(() => this.onResponseEnd(), this.#timeoutMs);
      return;
    }
    const mediaType = headers["content-type"];
    const streamId = headers["mesos-stream-id"];
    if (mediaType !== MEDIA_TYPE || typeof streamId !== "string" || streamId === "") {
      this.#rejection = "this is not a Mesos master: it answers 200 to SUBSCRIBE without a stream of events";
      this.#end({ kind: "rejected", status, reason: this.#rejection });
      return;
    }
    this.#open = true;
    this.#handled(() => this.#handler.onOpen(streamId));
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#open) return this.#keepErrorBody(chunk);
    const events: Uint8Array[] = [];
    let failure: string | undefined;
    try {
      this.#records.push(chunk, (record) => events.push(record));
    } catch (error) {
      if (!(error instanceof RecordIOError)) throw error;
      failure = `the stream of events is not RecordIO: ${error.message}`;
    }
    if (events.length > 0) this.#handled(() => this.#handler.onEvents(events));
    if (failure !== undefined) this.#end({ kind: "broken", reason: failure });
  }

  /** Runs a handler. An event that can't be read is the master's fault, and all else that it throws the bridge's own. */
  #handled(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      if (error instanceof WireError) {
        this.#end({ kind: "broken", reason: `the master sent an event that can't be read: ${error.message}` });
      } else this.#fail(error);
    }
  }

  onResponseEnd(): void {
    if (this.#open) {
      const where = this.#records.idle ? "" : " in the middle of an event";
      return this.#end({ kind: "broken", reason: `the master ended the subscription${where}` });
    }
    this.#end({
      kind: "rejected",
      status: this.#status,
      reason: rejectionText(this.#status, this.#errorBody, this.#authenticates),
    });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#end({ kind: "broken", reason: connectErrorText(error, this.#master) });
  }

  #redirect(location: unknown): void {
    const leader = leaderOf(location, this.#master);
    if (leader) this.#end({ kind: "redirected", leader });
    else this.#end({ kind: "rejected", status: 307, reason: "a redirection without a usable Location" });
  }

  #keepErrorBody(chunk: Buffer): void {
    if (this.#errorBytes >= MAX_ERROR_BODY_BYTES) return;
    this.#errorBody.push(chunk);
    this.#errorBytes += chunk.length;
    if (this.#errorBytes >= MAX_ERROR_BODY_BYTES) this.onResponseEnd();
  }

  #end(end: SubscriptionEnd): void {
    this.#settle.resolve(end);
    this.#close();
  }

  #fail(error: unknown): void {
    this.#settle.reject(error);
    this.#close();
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#controller?.abort(new Error("the subscription ended"));
  }
}

/**
 * Where a 307 leads: Mesos writes `//host:port/path`, older documents say `host:port`.
 * The scheme stays that of the master that was asked.
 */
export function leaderOf(location: unknown, asked: URL): URL | undefined {
  if (typeof location !== "string" || location === "") return undefined;
  if (/^\/(?!\/)/.test(location)) return undefined;
  const absolute = /^https?:\/\//.test(location) ? location : `${asked.protocol}//${location.replace(/^\/\//, "")}`;
  if (!URL.canParse(absolute)) return undefined;
  const url = new URL(absolute);
  if (url.hostname === "" || (asked.protocol === "https:" && url.protocol !== "https:")) return undefined;
  return new URL(url.origin);
}

/** What a person is told of an answer to SUBSCRIBE that is none of its own. */
export function rejectionText(status: number, parts: readonly Buffer[], authenticates: boolean): string {
  const body = Buffer.concat(parts).toString("utf8", 0, MAX_ERROR_BODY_BYTES).replace(/\s+/g, " ").trim();
  const text = body === "" ? "" : `: ${body.slice(0, 300)}`;
  if (status === 503) return `the master is not ready (503)${text}`;
  if (status === 401) {
    return authenticates
      ? `the master does not accept the bridge's credentials (401)${text}`
      : `the master wants authentication, and the bridge has no credentials (401)${text}`;
  }
  if (status === 403) return `the master does not allow this subscription (403)${text}`;
  if (status === 404 || status === 405) return `this is not a Mesos master: it answers ${status} to SUBSCRIBE${text}`;
  return `the master answers ${status} to SUBSCRIBE${text}`;
}

function abortReason(signal: AbortSignal): string {
  return signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
}
