import { setTimeout as sleep } from "node:timers/promises";

export interface BackoffOptions {
  /** Upper bound of the first wait, in ms. Default 100. */
  initialMs?: number;
  /** Upper bound of every wait, in ms. Default 15,000. */
  maxMs?: number;
}

/** Exponential backoff with full jitter: each wait is random between 0 and a bound that doubles. */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  #attempts = 0;

  constructor(options: BackoffOptions = {}) {
    this.#initialMs = options.initialMs ?? 100;
    this.#maxMs = options.maxMs ?? 15_000;
  }

  /** The next wait, in ms. */
  next(): number {
    const bound = Math.min(this.#maxMs, this.#initialMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts++;
    return Math.random() * bound;
  }

  reset(): void {
    this.#attempts = 0;
  }
}

/** Waits. Returns early, without an error, when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
