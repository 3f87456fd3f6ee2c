import { type Deadline, deferred, within } from "./eventually.js";

/** Values that come one by one, and can be awaited. None is missed. */
export class Arrivals<T> {
  /** All so far, taken or not. */
  readonly all: T[] = [];
  #taken = 0;
  #changed = deferred();

  push(value: T): void {
    this.all.push(value);
    this.#changed.resolve();
    this.#changed = deferred();
  }

  /** How many were not taken yet. */
  get waiting(): number {
    return this.all.length - this.#taken;
  }

  /** Takes the next one. @throws Error when the deadline passes first */
  async next(deadline: Deadline = {}): Promise<T> {
    while (this.#taken >= this.all.length) await within(this.#changed.promise, { what: "the next one", ...deadline });
    return this.all[this.#taken++] as T;
  }

  /** Takes the next `count`. */
  async take(count: number, deadline?: Deadline): Promise<T[]> {
    const values: T[] = [];
    while (values.length < count) values.push(await this.next(deadline));
    return values;
  }
}
