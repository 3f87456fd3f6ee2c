import type { Buckets } from "../../wire/buckets.js";
import type { Caller } from "../access/callers.js";
import type { Log } from "../log.js";
import type { Attachment, AttachmentSink } from "../session/attachment.js";
import { BridgeError } from "../session/errors.js";
import { progress } from "../session/sessionEvent.js";
import type { Connections } from "./connections/connections.js";
import type { ServerStream } from "./connections/serverStream.js";
import { WaitingEvents } from "./connections/waitingEvents.js";
import { EventsMessage, PROGRESS_INTERVAL_MS } from "./encodeEvents.js";
import type { ServerStreamCall } from "./rawService.js";
import type { RefusalCounts } from "./refusalCounts.js";
import { statusOf } from "./statusOf.js";

/**
 * About how much goes into one message: what fits in one DATA frame of HTTP/2, so that the client has nothing to put together, and
 * gets something to do while the rest of its window is filled.
 */
const MESSAGE_BYTES = 16 * 1024;
/** How much may wait for a client to read it. The rest waits in the session's log, which is bounded. */
const MAX_WAITING_BYTES = 64 * 1024;

/** Messages are handed to the library as they are, and serialized to where it wants them. */
export type SubscribeCall = ServerStreamCall<EventsMessage>;

/** Why a stream is over. */
export interface StreamEnding {
  /** For a person. */
  readonly reason: string;
  /** The reason of the error that its client gets, if it gets one. */
  readonly error?: string;
}

function endingBy(error: unknown): StreamEnding {
  if (error instanceof BridgeError) return { reason: error.message, error: error.reason };
  return { reason: "the bridge failed", error: "INTERNAL" };
}

/**
 * Writes an attachment's events to its client's stream, as fast as the client reads. What waits goes into
 * one message; nothing waits for more.
 */
export class SubscribeStream implements AttachmentSink {
  readonly #call: SubscribeCall;
  readonly #stream: ServerStream;
  readonly #waiting: WaitingEvents;
  readonly #log: Log;
  readonly #refusals: RefusalCounts;
  readonly #lag: Buckets;
  /** Runs out when nothing was written for an interval. */
  readonly #idle: NodeJS.Timeout;
  #attachment: Attachment | undefined;
  #ended = false;
  /** Why the bridge ended it; undefined: it did not. */
  #ending: StreamEnding | undefined;

  readonly #onEnded: () => void;

  /** @param onEnded the bridge has ended the stream. Its client may not have read that yet */
  constructor(
    call: SubscribeCall,
    connections: Connections,
    log: Log,
    caller: Caller,
    lag: Buckets,
    onEnded: () => void,
  ) {
    this.#call = call;
    this.#onEnded = onEnded;
    this.#stream = connections.of(call);
    this.#waiting = new WaitingEvents(connections, this.#stream, caller, MAX_WAITING_BYTES, () => this.#pump());
    this.#log = log;
    this.#refusals = connections.refusals;
    this.#lag = lag;
    // At the end of every call, also of one that ended in order.
    call.on("cancelled", () => this.#waiting.drop());
    this.#idle = setTimeout(() => this.#signOfLife(), PROGRESS_INTERVAL_MS);
  }

  begin(attachment: Attachment): void {
    this.#attachment = attachment;
    this.#pump();
  }

  wake(): void {
    this.#pump();
  }

  /** Why it is over, for the log. */
  get ending(): StreamEnding {
    return this.#ending ?? { reason: "the client ended its stream, or its connection broke" };
  }

  end(error: BridgeError | undefined): void {
    if (this.#ended) return;
    if (error) return this.#fail(error);
    this.#ending = { reason: "the session has ended, or was handed over" };
    this.stop();
    this.#call.end();
    this.#onEnded();
  }

  /** The client is gone: nothing more is written, and nothing of the session is kept. */
  stop(): void {
    this.#ended = true;
    this.#stream.answered();
    this.#attachment = undefined;
    clearTimeout(this.#idle);
  }

  #pump(): void {
    try {
      while (!this.#ended && this.#attachment && this.#waiting.mayWrite()) {
        const { activeSinceMs } = this.#attachment;
        const events = this.#attachment.read(MESSAGE_BYTES);
        const [oldest] = events;
        if (!oldest) return;
        this.#write(new EventsMessage(events, 1), Math.max(oldest.receiveTimeMs, activeSinceMs));
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param sinceMs since when the oldest of its events has waited for this client, in ms since 1970 */
  #write(message: EventsMessage, sinceMs: number): void {
    this.#idle.refresh();
    this.#waiting.wrote(message.byteLength);
    this.#call.write(message, () => {
      this.#waiting.taken(message.byteLength);
      this.#lag.observe(Math.max(0, Date.now() - sinceMs) / 1_000);
      this.#pump();
    });
  }

  /** A fault of the bridge's own ends this stream, and neither its session nor the process. */
  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#ending = endingBy(error);
    this.stop();
    this.#refusals.count(error);
    this.#call.emit("error", statusOf(error, this.#log));
    this.#onEnded();
  }

  #signOfLife(): void {
    if (!this.#attachment) return;
    // A client that has not read what was written gets nothing more until it does.
    if (this.#waiting.bytes > 0) this.#idle.refresh();
    else this.#writeProgress(this.#attachment.readSequence);
  }

  #writeProgress(sequence: number): void {
    const now = Date.now();
    this.#write(new EventsMessage([progress(sequence, false, now)], 1), now);
  }
}
