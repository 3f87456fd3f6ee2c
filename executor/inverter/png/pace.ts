/** About a millisecond of work. */
const STRIDE_BYTES = 1024 * 1024;
/** What a step costs beside its bytes, as bytes. */
const STEP_BYTES = 512;

/** Tells when to let other tasks go on, while a long input is gone through. */
export class Pace {
  #left = STRIDE_BYTES;

  /** Call after each step of the work. When it returns true, wait for the event loop to turn. */
  isDue(bytes: number): boolean {
    this.#left -= bytes + STEP_BYTES;
    if (this.#left > 0) return false;
    this.#left = STRIDE_BYTES;
    return true;
  }
}
