import { Metadata, type ServerWritableStream } from "@grpc/grpc-js";
import type { Log } from "../log.js";
import { BridgeError } from "../session/errors.js";
import { statusOf } from "./statusOf.js";

/** What may wait for one observer to read it. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const MAX_WAITING_MESSAGES = 20_000;
/** How much may wait in the HTTP/2 stream. */
const MAX_UNREAD_BYTES = 256 * 1024;

/** Writes messages to one observer. What it does not read in time ends it, and nobody else. */
export class ObserverStream {
  readonly #call: ServerWritableStream<Buffer, Buffer>;
  readonly #log: Log;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #unreadBytes = 0;
  #ended = false;

  /** @param onEnd called once, when the observer is gone for whatever reason. */
  constructor(call: ServerWritableStream<Buffer, Buffer>, log: Log, onEnd: () => void) {
    this.#call = call;
    this.#log = log;
    call.on("cancelled", () => {
      this.#ended = true;
      this.#waiting = [];
      onEnd();
    });
    // At once, so that a client sees that it is connected before anything happens.
    call.sendMetadata(new Metadata());
  }

  push(message: Buffer): void {
    if (this.#ended) return;
    this.#waiting.push(message);
    this.#waitingBytes += message.length;
    this.#pump();
    if (this.#waitingBytes > MAX_WAITING_BYTES || this.#waiting.length > MAX_WAITING_MESSAGES) this.#overflow();
  }

  end(error: BridgeError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#waiting = [];
    this.#call.emit("error", statusOf(error, this.#log));
  }

  #overflow(): void {
    this.end(new BridgeError("SLOW_CONSUMER", "the stream was read too slowly: watch again"));
  }

  #pump(): void {
    while (!this.#ended && this.#unreadBytes < MAX_UNREAD_BYTES) {
      const message = this.#waiting.shift();
      if (!message) return;
      this.#waitingBytes -= message.length;
      this.#unreadBytes += message.length;
      this.#call.write(message, () => {
        this.#unreadBytes -= message.length;
        this.#pump();
      });
    }
  }
}
