import { Metadata, type ServerWritableStream } from "@grpc/grpc-js";
import type { Caller } from "../access/callers.js";
import type { Log } from "../log.js";
import { observerTooSlow } from "../session/errors.js";
import { Queue } from "../session/queue.js";
import { refusalOf } from "./admitCall.js";
import type { Connections } from "./connections/connections.js";
import type { ServerStream } from "./connections/serverStream.js";
import { WaitingEvents } from "./connections/waitingEvents.js";
import type { RefusalCounts } from "./refusalCounts.js";
import { statusOf } from "./statusOf.js";

/** What may wait for one observer to read it. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const MAX_WAITING_MESSAGES = 20_000;
/** How much is handed to the HTTP/2 stream at a time. */
const MAX_WRITTEN_BYTES = 64 * 1024;

/** A message, and the framework that it is about. */
interface Waiting {
  readonly frameworkName: string;
  readonly message: Buffer;
}

/** Writes messages to one observer. What it does not read in time ends it, and nobody else. */
export class ObserverStream {
  readonly #call: ServerWritableStream<Buffer, Buffer>;
  readonly #stream: ServerStream;
  readonly #written: WaitingEvents;
  readonly #log: Log;
  readonly #refusals: RefusalCounts;
  #backlog: Iterator<Buffer> | undefined;
  #waiting = new Queue<Waiting>();
  readonly #caller: Caller;
  #waitingBytes = 0;
  #ended = false;

  /** @param onEnd called once, when the observer is gone for whatever reason. */
  constructor(
    call: ServerWritableStream<Buffer, Buffer>,
    connections: Connections,
    log: Log,
    caller: Caller,
    onEnd: () => void,
  ) {
    this.#call = call;
    this.#caller = caller;
    this.#stream = connections.of(call);
    this.#written = new WaitingEvents(connections, this.#stream, caller, MAX_WRITTEN_BYTES, () => this.#pump());
    this.#log = log;
    this.#refusals = connections.refusals;
    call.on("cancelled", () => {
      this.#drop();
      this.#written.drop();
      onEnd();
    });
    // At once, so that a client sees that it is connected before anything happens.
    call.sendMetadata(new Metadata());
  }

  /**
   * Sends what there was before the observer came, ahead of all that is pushed. It is made as fast as the observer
   * reads, so that its size does not count against the limits. A BridgeError that it throws ends the stream.
   */
  begin(backlog: Iterable<Buffer>): void {
    this.#backlog = backlog[Symbol.iterator]();
    this.#pump();
  }

  push(frameworkName: string, message: Buffer): void {
    if (this.#ended) return;
    this.#waiting.push({ frameworkName, message });
    this.#waits(message.length);
    this.#pump();
    if (this.#waitingBytes > MAX_WAITING_BYTES || this.#waiting.size > MAX_WAITING_MESSAGES) this.#overflow();
    else if (this.#waitingBytes > 0) this.#expectRoom();
  }

  /** Drops what waits and is about frameworks that are not to be shown any more. */
  keepOnly(visible: (frameworkName: string) => boolean): void {
    const waiting = this.#waiting;
    this.#waiting = new Queue();
    for (const entry of waiting) {
      if (visible(entry.frameworkName)) this.#waiting.push(entry);
      else this.#waits(-entry.message.length);
    }
  }

  /** Ends the stream with an error, be it the bridge's own fault: neither sessions nor the process end by that. */
  end(error: unknown): void {
    if (this.#ended) return;
    this.#drop();
    this.#refusals.count(error);
    this.#call.emit("error", statusOf(error, this.#log));
  }

  #drop(): void {
    this.#ended = true;
    this.#stream.answered();
    this.#backlog = undefined;
    this.#waiting.clear();
    this.#waits(-this.#waitingBytes);
  }

  #waits(bytes: number): void {
    this.#waitingBytes += bytes;
    this.#caller.usage.waiting(bytes);
  }

  /** What waits for all streams of the caller may be too much, though it is not for this one. */
  #expectRoom(): void {
    const { usage, rights } = this.#caller;
    const problem = refusalOf(() => usage.admitBytes(rights.limits));
    if (!problem) return;
    this.#caller.failed(problem);
    this.end(problem);
  }

  #overflow(): void {
    this.end(observerTooSlow());
  }

  #pump(): void {
    try {
      while (!this.#ended && this.#written.mayWrite()) {
        const message = this.#next();
        if (!message) return;
        this.#write(message);
      }
    } catch (error) {
      this.end(error);
    }
  }

  #next(): Buffer | undefined {
    const old = this.#backlog?.next();
    if (old && !old.done) return old.value;
    this.#backlog = undefined;
    const message = this.#waiting.shift()?.message;
    if (message) this.#waits(-message.length);
    return message;
  }

  #write(message: Buffer): void {
    this.#written.wrote(message.length);
    this.#call.write(message, () => {
      this.#written.taken(message.length);
      this.#pump();
    });
  }
}
