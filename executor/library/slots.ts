/** A number of slots, one of which work must hold while it runs. First come, first served. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @throws RangeError unless `count` is a whole number from 1 up, or Infinity */
  constructor(count: number) {
    if (!(count >= 1) || (count !== Number.POSITIVE_INFINITY && !Number.isInteger(count))) {
      throw new RangeError(`${count} is not a number of slots: use a whole number of at least 1`);
    }
    this.#free = count;
  }

  /** How many could be taken now. */
  get free(): number {
    return this.#free;
  }

  /**
   * Waits for a slot. The function that comes back gives the slot back; further calls of it do nothing.
   *
   * @throws the signal's reason, when it is aborted before a slot is free
   */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#release();
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const take = () => {
        signal?.removeEventListener("abort", giveUp);
        resolve();
      };
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(signal?.reason);
      };
      this.#waiting.push(take);
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }
}
