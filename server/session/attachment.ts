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

/** Where an attachment begins to read the session's log, and whether that is where an earlier stream of its client broke. */
export interface StartOfReading {
  readonly sequence: number;
  readonly resumed: boolean;
}

type State =
  /** Another client drives the framework: nothing of the log is for this one. */
  { readonly kind: "standby" } | { readonly kind: "active" } | { readonly kind: "ended" };

const STANDBY: State = { kind: "standby" };
const ACTIVE: State = { kind: "active" };
const ENDED: State = { kind: "ended" };

/** One client's live stream on a session. While it is active, it reads at its own pace from the session's log. */
export class Attachment {
  readonly client: AttachedClient;
  readonly #log: EventLog;
  readonly #sink: AttachmentSink;
  #id: string;
  #activeSinceMs: number;
  #resumed = false;
  #state: State = STANDBY;
  /** Sent before what the log holds: Opened, and the snapshot. Made while it is read: a client may never read it. */
  #prelude: Iterator<SessionEvent> | undefined;
  /** The next of the prelude, once it was made. */
  #ahead: SessionEvent | undefined;
  /** Its snapshot was made, or it needs none. */
  #began = false;
  /** Its client is known to be there: what it was handed counts as read. */
  #isConfirmed = false;
  /** Sequence of the next live event to read. */
  #next: number;

  /** It waits as standby until `activate`. */
  constructor(id: string, client: AttachedClient, log: EventLog, sink: AttachmentSink) {
    this.#id = id;
    this.client = client;
    this.#activeSinceMs = client.sinceMs;
    this.#log = log;
    this.#next = log.lastSequence + 1;
    this.#sink = sink;
  }

  /** Names it in calls. It changes when it becomes active. */
  get id(): string {
    return this.#id;
  }

  /** Since when events are for it, in ms since 1970. */
  get activeSinceMs(): number {
    return this.#activeSinceMs;
  }

  /** It continues where an earlier stream of its client broke: it has no snapshot. */
  get resumed(): boolean {
    return this.#resumed;
  }

  get active(): boolean {
    return this.#state.kind === "active";
  }

  get ended(): boolean {
    return this.#state.kind === "ended";
  }

  /** Sequence of the last live event that was read. */
  get readSequence(): number {
    return this.#next - 1;
  }

  /** True once its client has read the snapshot, and so all that came before the live events. */
  get snapshotRead(): boolean {
    return this.#isConfirmed && this.#began && this.#prelude === undefined;
  }

  /** Its client is there. */
  confirm(): void {
    this.#isConfirmed = true;
  }

  /** It drives the framework from now on, under this id. @param nowMs in ms since 1970 */
  activate(id: string, { sequence, resumed }: StartOfReading, nowMs: number): void {
    this.#id = id;
    this.#activeSinceMs = nowMs;
    this.#next = sequence;
    this.#resumed = resumed;
    this.#state = ACTIVE;
  }

  /** It is told this first. One that waits gets nothing else until it is active. */
  begin(prelude: Iterable<SessionEvent>): void {
    this.#began = this.active;
    this.#prelude = this.#prelude ? following(this.#prelude, prelude) : prelude[Symbol.iterator]();
    this.#sink.wake();
  }

  /**
   * What is waiting, in order: about `maxBytes`, at least one event if there is any. An
   * attachment whose next event is gone from the log ends here as SLOW_CONSUMER.
   */
  read(maxBytes: number): SessionEvent[] {
    const events: SessionEvent[] = [];
    if (this.ended) return events;
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
    if (!this.active) return;
    if (this.#next < this.#log.firstSequence) {
      this.end(
        new BridgeError("SLOW_CONSUMER", "the stream was read too slowly and events are gone: attach again", {
          metadata: { last_sequence: String(this.readSequence) },
        }),
      );
    } else this.#sink.wake();
  }

  end(error?: BridgeError): void {
    if (this.ended) return;
    this.#state = ENDED;
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
    return this.#ahead ?? (this.active ? this.#log.at(this.#next) : undefined);
  }

  #advance(): void {
    if (this.#ahead) this.#ahead = undefined;
    else this.#next++;
  }
}

/** What is left of one, and then the other. */
function* following(first: Iterator<SessionEvent>, then: Iterable<SessionEvent>): Generator<SessionEvent, undefined> {
  for (let next = first.next(); !next.done; next = first.next()) yield next.value;
  yield* then;
  return undefined;
}
