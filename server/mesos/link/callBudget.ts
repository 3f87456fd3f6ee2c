/** Bytes of calls that wait for an answer on all links of a bridge together: a master may be slow for all of them. */
export class CallBudget {
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes default 128 MiB */
  constructor(maxBytes = 128 * 1024 * 1024) {
    this.#maxBytes = maxBytes;
  }

  fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.#maxBytes;
  }

  /** Calls were made, or, with a negative number, answered or given up. */
  changed(bytes: number): void {
    this.#bytes += bytes;
  }
}
