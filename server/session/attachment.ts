import { BridgeError } from "./errors.js";
import type { EventLog } from "./eventLog.js";
import { eventBytes, type SessionEvent } from "./sessionEvent.js";

/** Where an attachment's events go. */
export interface AttachmentSink {
  /** There is something to read. Called often: cheap, and only a hint. */
  wake(): void;
  /** The attachment is over; without an error it ended in order. Called once. */
  end(error: BridgeError | undefined): void;
}

/** Who is attached. */
export interface AttachedClient {
  /** As logs name it. */
  readonly identity: string;
  /** Where its connection comes from. */
  readonly peer: string;
  /** Since when, in ms since 1970. */
  readonly sinceMs: number;
}

/** One client's live stream on a session. It reads at its own pace from the session's log. */
export class Attachment {
  readonly id: string;
  readonly client: AttachedClient;
  /** It continues where an earlier stream of its client broke: it has no snapshot. */
  readonly resumed: boolean;
  readonly #log: EventLog;
  readonly #sink: AttachmentSink;
  /** Sent before what the log holds: Opened, and the snapshot. Made while it is read: a client may never read it. */
  #prelude: Iterator<SessionEvent> | undefined;
  /** The next of the prelude, once it was made. */
  #ahead: SessionEvent | undefined;
  #began = false;
  /** Sequence of the next live event to read. */
  #next: number;
  #ended = false;

  /** @param next the first live event that it reads, and whether it resumes a stream that broke */
  constructor(
    id: string,
    client: AttachedClient,
    log: EventLog,
    next: { readonly sequence: number; readonly resumed: boolean },
    sink: AttachmentSink,
  ) {
    this.id = id;
    this.client = client;
    this.#log = log;
    this.#next = next.sequence;
    this.resumed = next.resumed;
    this.#sink = sink;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Sequence of the last live event that was read. */
  get readSequence(): number {
    return this.#next - 1;
  }

  /** True once the snapshot was handed out, and so all that came before the live events. */
  get snapshotRead(): boolean {
    return this.#began && this.#prelude === undefined;
  }

  begin(prelude: Iterable<SessionEvent>): void {
    this.#began = true;
    this.#prelude = prelude[Symbol.iterator]();
    this.#sink.wake();
  }

  /**
   * What is waiting, in order: about `maxBytes`, at least one event if there is any. An
   * attachment whose next event is gone from the log ends here as SLOW_CONSUMER.
   */
  read(maxBytes: number): SessionEvent[] {
    const events: SessionEvent[] = [];
    if (this.#ended) return events;
    let bytes = 0;
    for (let event = this.#peek(); event && (bytes === 0 || bytes + eventBytes(event) <= maxBytes); ) {
      events.push(event);
      bytes += eventBytes(event);
      this.#advance();
      event = this.#peek();
    }
    return events;
  }

  /** Tells the client's stream that there is something to read, or that it fell behind. */
  wake(): void {
    if (this.#ended) return;
    if (this.#next < this.#log.firstSequence) {
      this.end(
        new BridgeError("SLOW_CONSUMER", "the stream was read too slowly and events are gone: attach again", {
          metadata: { last_sequence: String(this.readSequence) },
        }),
      );
    } else this.#sink.wake();
  }

  end(error?: BridgeError): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#prelude) this.#began = false;
    this.#prelude = undefined;
    this.#ahead = undefined;
    this.#sink.end(error);
  }

  #peek(): SessionEvent | undefined {
    if (this.#prelude && !this.#ahead) {
      const { done, value } = this.#prelude.next();
      if (done) this.#prelude = undefined;
      else this.#ahead = value;
    }
    return this.#ahead ?? this.#log.at(this.#next);
  }

  #advance(): void {
    if (this.#ahead) this.#ahead = undefined;
    else this.#next++;
  }
}
