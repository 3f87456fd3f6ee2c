import type { Log } from "../../log.js";

const EVERY_MS = 1_000;

/** Writes a warning a second at most, and how many it left out since the last one: what clients do wrong, they repeat. */
export class SparseLog {
  readonly #log: Log;
  #last = Number.NEGATIVE_INFINITY;
  #leftOut = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  warn(fields: object, message: string): void {
    const now = performance.now();
    if (now - this.#last < EVERY_MS) {
      this.#leftOut++;
      return;
    }
    const more = this.#leftOut === 0 ? {} : { leftOut: this.#leftOut };
    this.#last = now;
    this.#leftOut = 0;
    this.#log.warn({ ...fields, ...more }, message);
  }
}
