import { setImmediate } from "node:timers/promises";

/** About a millisecond of work. */
const STRIDE_BYTES = 1024 * 1024;
/** What a step costs beside its bytes, as bytes. */
const STEP_BYTES = 512;

/** Long work on the main thread: gives others their turn, and ends with an error when its time is up. */
export class Turns {
  readonly #deadline: number;
  readonly #late: () => Error;
  #left = STRIDE_BYTES;

  /** Default: no limit. */
  constructor(timeoutMs?: number, late = () => new Error("takes too long")) {
    this.#deadline = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
    this.#late = late;
  }

  /** Call after each short step of the work, with the bytes it went through. When it returns true, wait for `next`. */
  isDue(bytes: number): boolean {
    this.#left -= bytes + STEP_BYTES;
    if (this.#left > 0) return false;
    this.#left = STRIDE_BYTES;
    return true;
  }

  async next(): Promise<void> {
    if (performance.now() > this.#deadline) throw this.#late();
    await setImmediate();
  }
}
