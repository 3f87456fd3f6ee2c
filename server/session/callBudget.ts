const MIB = 1024 * 1024;
/** Of the calls of all frameworks. */
const MAX_BYTES = 64 * MIB;

/** Bytes of calls that wait within the bridge, of all sessions together. */
export class CallBudget {
  #bytes = 0;

  /** False if there is no room. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > MAX_BYTES) return false;
    this.#bytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}
