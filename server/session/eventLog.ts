import { eventBytes, progress, type SessionEvent, type SessionEventBody } from "./sessionEvent.js";

export interface EventLogOptions {
  /** Events kept. Default 65,536. */
  readonly maxEvents?: number;
  /** Bytes kept, roughly. Default 64 MiB. The newest event is kept whatever its size. */
  readonly maxBytes?: number;
}

/**
 * The live events of one session, the newest ones, in order: what its client has not
 * read yet, and what a client that comes back may have missed. Bounded; the
 * oldest go first, read or not.
 */
export class EventLog {
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  #events: Array<SessionEvent | undefined> = [];
  /** Where the oldest kept event stands in `#events`. */
  #head = 0;
  #firstSequence = 1;
  #bytes = 0;

  constructor(options: EventLogOptions = {}) {
    this.#maxEvents = options.maxEvents ?? 65_536;
    this.#maxBytes = options.maxBytes ?? 64 * 1024 * 1024;
  }

  /** Sequence of the oldest event that is kept; one past the last where none is. */
  get firstSequence(): number {
    return this.#firstSequence;
  }

  /** Sequence of the newest event; 0 before the first. */
  get lastSequence(): number {
    return this.#firstSequence + this.#events.length - this.#head - 1;
  }

  /** Bytes held, roughly. */
  get bytes(): number {
    return this.#bytes;
  }

  append(body: SessionEventBody, receiveTimeMs: number, ackToken = "", fragment = false): SessionEvent {
    const event: SessionEvent = { sequence: this.lastSequence + 1, receiveTimeMs, ackToken, fragment, body };
    this.#events.push(event);
    this.#bytes += eventBytes(event);
    while (this.#events.length - this.#head > 1 && this.#overfull()) this.#dropOldest();
    return event;
  }

  /** The kept event of that sequence. */
  at(sequence: number): SessionEvent | undefined {
    if (sequence < this.#firstSequence) return undefined;
    return this.#events[this.#head + sequence - this.#firstSequence];
  }

  /** Puts another body in an event's place; its sequence stays, so that none is missing. */
  replace(event: SessionEvent, body: SessionEventBody): SessionEvent | undefined {
    if (this.at(event.sequence) !== event) return undefined;
    const replaced: SessionEvent = { ...event, body };
    this.#events[this.#head + event.sequence - this.#firstSequence] = replaced;
    this.#bytes += eventBytes(replaced) - eventBytes(event);
    return replaced;
  }

  /** Takes an event out that nobody has to see any more. A sign of life takes its place. */
  cancel(event: SessionEvent): void {
    this.replace(event, progress(event.sequence, false, event.receiveTimeMs).body);
  }

  #overfull(): boolean {
    return this.#events.length - this.#head > this.#maxEvents || this.#bytes > this.#maxBytes;
  }

  #dropOldest(): void {
    const oldest = this.#events[this.#head] as SessionEvent;
    this.#bytes -= eventBytes(oldest);
    this.#events[this.#head] = undefined;
    this.#head++;
    this.#firstSequence++;
    // Compacted once half of the array is gone: constant time an event.
    if (this.#head > 1024 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }
}
