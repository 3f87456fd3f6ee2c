import type { Log } from "../log.js";

/** Tells once that records can't be stored, and once that they can be again, however many frameworks meet it. */
export class StoreTrouble {
  readonly #log: Log;
  #lasts = false;

  constructor(log: Log) {
    this.#log = log;
  }

  failed(error: unknown): void {
    if (this.#lasts) return;
    this.#lasts = true;
    const message =
      "the data directory can't be written: what changes is kept in memory, and stored as soon as it can be";
    this.#log.error({ err: error }, message);
  }

  over(): void {
    if (!this.#lasts) return;
    this.#lasts = false;
    this.#log.info({}, "the data directory can be written again");
  }
}
