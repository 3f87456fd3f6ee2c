import { type Clock, type MonotonicClock, type Planned, systemClock } from "./clock.js";

const TICK_MS = 250;
/** At most this much is counted at a time: a process that stood still for longer heard nobody. */
const MAX_STEP_MS = 2 * TICK_MS;

/**
 * Counts the time in which this process ran: of one that was stopped (SIGSTOP), half a second counts at most. What others
 * are granted in time of this clock does not end while they can't be heard. Changes of the wall clock don't matter.
 */
export class RunningTime implements MonotonicClock {
  readonly #clock: Clock;
  readonly #timer: Planned;
  #ranMs = 0;
  /** When it last looked, on the clock. */
  #seenMs: number;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#seenMs = clock.now();
    this.#timer = clock.every(TICK_MS, () => this.now());
  }

  now(): number {
    const nowMs = this.#clock.now();
    this.#ranMs += Math.min(nowMs - this.#seenMs, MAX_STEP_MS);
    this.#seenMs = nowMs;
    return this.#ranMs;
  }

  /** Ends its timer. It must not be asked any more. */
  close(): void {
    this.#timer.cancel();
  }
}
