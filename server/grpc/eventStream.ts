import type { ServerWritableStream } from "@grpc/grpc-js";
import type { Log } from "../log.js";
import type { Attachment, AttachmentSink } from "../session/attachment.js";
import type { BridgeError } from "../session/errors.js";
import { progress } from "../session/sessionEvent.js";
import { EventsMessage, PROGRESS_INTERVAL_MS } from "./encodeEvents.js";
import { statusOf } from "./statusOf.js";

/**
 * About how much goes into one message: what fits in one DATA frame of HTTP/2, so that the client has nothing to put together, and
 * gets something to do while the rest of its window is filled.
 */
const MESSAGE_BYTES = 16 * 1024;
/** How much may wait in the HTTP/2 stream for a client to read it. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/**
 * The library copies what a method's serializer returns behind a message's head, by `byteLength` and `copy` and
 * nothing else, so the messages themselves are handed to it.
 */
export type EventsCall = ServerWritableStream<Buffer, EventsMessage>;

/**
 * Writes an attachment's events to its client's stream, as fast as the client reads. What waits goes into
 * one message; nothing waits for more.
 */
export class EventStream implements AttachmentSink {
  readonly #call: EventsCall;
  readonly #log: Log;
  readonly #idle: NodeJS.Timeout;
  #attachment: Attachment | undefined;
  #unreadBytes = 0;
  #wrote = false;
  #ended = false;

  constructor(call: EventsCall, log: Log) {
    this.#call = call;
    this.#log = log;
    this.#idle = setInterval(() => this.#signOfLife(), PROGRESS_INTERVAL_MS);
  }

  begin(attachment: Attachment): void {
    this.#attachment = attachment;
    this.#pump();
  }

  wake(): void {
    this.#pump();
  }

  end(error: BridgeError | undefined): void {
    if (this.#ended) return;
    this.stop();
    if (error) this.#call.emit("error", statusOf(error, this.#log));
    else this.#call.end();
  }

  /** The client is gone: nothing more is written. */
  stop(): void {
    this.#ended = true;
    clearInterval(this.#idle);
  }

  #pump(): void {
    while (!this.#ended && this.#attachment && this.#unreadBytes < MAX_UNREAD_BYTES) {
      const events = this.#attachment.read(MESSAGE_BYTES);
      if (events.length === 0) return;
      this.#write(new EventsMessage(events, 1));
    }
  }

  #write(message: EventsMessage): void {
    this.#wrote = true;
    this.#unreadBytes += message.byteLength;
    this.#call.write(message, () => {
      this.#unreadBytes -= message.byteLength;
      this.#pump();
    });
  }

  #signOfLife(): void {
    const idle = !this.#wrote && this.#unreadBytes === 0;
    this.#wrote = false;
    if (idle && this.#attachment) {
      this.#write(new EventsMessage([progress(this.#attachment.readSequence, false, Date.now())], 1));
    }
  }
}
