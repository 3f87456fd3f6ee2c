/** Tells the time in ms, of which only differences mean something. */
export interface Clock {
  now(): number;
}

const TICK_MS = 250;
/** At most this much is counted at a time: a process that stood still for longer heard nobody. */
const MAX_STEP_MS = 2 * TICK_MS;

/**
 * Counts the time in which this process ran: of one that was stopped (SIGSTOP), half a second counts at most. What others
 * are granted in time of this clock does not end while they can't be heard. Changes of the wall clock don't matter.
 */
export class RunningTime implements Clock {
  #ranMs = 0;
  /** When it last looked, on the clock of `performance`. */
  #seenMs = performance.now();
  readonly #timer = setInterval(() => this.now(), TICK_MS).unref();

  now(): number {
    const nowMs = performance.now();
    this.#ranMs += Math.min(nowMs - this.#seenMs, MAX_STEP_MS);
    this.#seenMs = nowMs;
    return this.#ranMs;
  }

  /** Ends its timer. It must not be asked any more. */
  close(): void {
    clearInterval(this.#timer);
  }
}
