import { Client, type Dispatcher, errors } from "undici";
import type { Clock } from "../../../wire/clock.js";
import { errorText } from "../../../wire/errorText.js";
import { PatientTimer } from "../../../wire/patientTimer.js";
import { WireError } from "../../../wire/proto.js";
import { RecordIOError, RecordReader } from "../../../wire/recordio.js";
import type { Secrets } from "../../../wire/secrets.js";
import { MAX_TEXT_BYTES } from "./answerText.js";
import { connectErrorText } from "./connectError.js";
import { Connecting } from "./connecting.js";
import type { Connect } from "./openSocket.js";
import { leaderOf } from "./redirection.js";
import { rejectionText } from "./rejectionText.js";

export interface SubscriptionOptions {
  readonly master: URL;
  /** Serialized `mesos.v1.scheduler.Call` of type SUBSCRIBE. */
  readonly call: Uint8Array;
  readonly authorization: string | undefined;
  /** What is taken out of the master's texts. */
  readonly secrets: Secrets;
  readonly connect: Connect;
  readonly clock: Clock;
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
  /** The signal aborted it, for its reason. */
  | { readonly kind: "stopped"; readonly reason: string }
  /** Another master leads (307). */
  | { readonly kind: "redirected"; readonly leader: URL }
  /** The peer answered, and what it answered can't be used. */
  | { readonly kind: "rejected"; readonly status: number; readonly reason: string };

const MEDIA_TYPE = "application/x-protobuf";

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
    // The reader watches the head, and lets what waits in the socket be read before it gives up.
    headersTimeout: 0,
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
  readonly #secrets: Secrets;
  readonly #timeoutMs: number;
  /** Ends an answer that does not come, or is not a stream of events and does not end by itself. */
  readonly #timer: PatientTimer;
  #controller: Dispatcher.DispatchController | undefined;
  #open = false;
  /** Status and type of an answer that is not a stream of events. */
  #other: { readonly status: number; readonly contentType: string } | undefined;
  #errorBody: Buffer[] = [];
  #errorBytes = 0;

  constructor(options: SubscriptionOptions, handler: SubscriptionHandler, signal: AbortSignal, settle: Settle) {
    this.#master = options.master;
    this.#timeoutMs = options.connectTimeoutMs;
    this.#timer = new PatientTimer(() => this.#outOfTime(), options.clock);
    this.#authenticates = options.authorization !== undefined;
    this.#secrets = options.secrets;
    this.#handler = handler;
    this.#signal = signal;
    this.#settle = settle;
    this.#records = new RecordReader({ maxRecordBytes: options.maxRecordBytes });
  }

  readonly #onAbort = (): void => this.#end({ kind: "stopped", reason: abortReason(this.#signal) });

  /** False if it is over already. */
  begin(): boolean {
    if (this.#signal.aborted) this.#onAbort();
    else this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    return !this.#signal.aborted;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal.aborted) controller.abort(new Error("the subscription ended"));
    else this.#timer.start(this.#timeoutMs);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Record<string, unknown>): void {
    // Informational answers come before the answer itself, and do not extend the wait for it.
    if (status < 200) return;
    const leader = status === 307 ? leaderOf(headers.location, this.#master) : undefined;
    if (leader) return this.#end({ kind: "redirected", leader });
    const contentType = headers["content-type"];
    const streamId = headers["mesos-stream-id"];
    if (status === 200 && contentType === MEDIA_TYPE && typeof streamId === "string" && streamId !== "") {
      this.#timer.stop();
      this.#open = true;
      return this.#handled(() => this.#handler.onOpen(streamId));
    }
    this.#other = { status, contentType: String(contentType ?? "") };
    // Of what claims to be a stream of events, nothing is text.
    if (contentType === MEDIA_TYPE) this.#reject(true);
    else this.#timer.start(this.#timeoutMs);
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
    this.#reject(false);
  }

  #reject(incomplete: boolean): void {
    const { status, contentType } = this.#other ?? { status: 0, contentType: "" };
    const answer = { status, contentType, body: Buffer.concat(this.#errorBody), incomplete };
    this.#end({ kind: "rejected", status, reason: rejectionText(answer, this.#authenticates, this.#secrets) });
  }

  #outOfTime(): void {
    if (this.#other) this.#reject(true);
    else this.#end({ kind: "broken", reason: connectErrorText(new errors.HeadersTimeoutError(), this.#master) });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    const answered = this.#open || this.#other !== undefined;
    this.#end({ kind: "broken", reason: connectErrorText(error, this.#master, answered) });
  }

  #keepErrorBody(chunk: Buffer): void {
    if (this.#errorBytes >= MAX_TEXT_BYTES) return;
    this.#errorBody.push(chunk);
    this.#errorBytes += chunk.length;
    if (this.#errorBytes >= MAX_TEXT_BYTES) this.#reject(true);
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
    this.#timer.stop();
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#controller?.abort(new Error("the subscription ended"));
  }
}

function abortReason(signal: AbortSignal): string {
  return errorText(signal.reason);
}
