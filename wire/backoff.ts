import { setTimeout as sleep } from "node:timers/promises";

import { type Clock, delay, systemClock } from "./clock.js";

export interface BackoffOptions {
  /** Upper bound of the first wait, in ms. Default 100. */
  initialMs?: number;
  /** Upper bound of all waits, in ms. Default 15,000, as Mesos's clients cap theirs. */
  maxMs?: number;
  /** From 0 to 1. Default `Math.random`. */
  random?: () => number;
  /** What waits are measured by. Default: the system's time. */
  clock?: Clock;
}

/** Exponential backoff with full jitter: each wait is random between 0 and a bound that doubles. */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  readonly #clock: Clock;
  #attempts = 0;

  constructor(options: BackoffOptions = {}) {
    this.#initialMs = options.initialMs ?? 100;
    this.#maxMs = options.maxMs ?? 15_000;
    this.#random = options.random ?? Math.random;
    this.#clock = options.clock ?? systemClock;
  }

  /** The next wait, in ms. */
  next(): number {
    const bound = Math.min(this.#maxMs, this.#initialMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts++;
    return this.#random() * bound;
  }

  /** Waits. Rejects with the signal's reason when it aborts. */
  wait(signal: AbortSignal): Promise<void> {
    return delay(this.#clock, this.next(), signal);
  }

  reset(): void {
    this.#attempts = 0;
  }
}

/** Waits. Returns early, without an error, when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
