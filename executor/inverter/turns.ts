import { setImmediate } from "node:timers/promises";

/** Long work on the main thread: gives others their turn, and ends with an error when its time is up. */
export class Turns {
  readonly #deadline: number;
  readonly #late: () => Error;

  constructor(timeoutMs: number | undefined, late: () => Error) {
    this.#deadline = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
    this.#late = late;
  }

  async next(): Promise<void> {
    if (performance.now() > this.#deadline) throw this.#late();
    await setImmediate();
  }
}
