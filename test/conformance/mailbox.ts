import { within } from "../support/eventually.js";

/** Things in the order of their arrival, and someone who waits for the next. */
export class Mailbox<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T) => void)[] = [];

  put(item: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#items.push(item);
    else waiting(item);
  }

  /** @throws Error when nothing comes in time */
  async take(what: string, timeoutMs: number): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return item;
    return await within(new Promise<T>((resolve) => this.#waiting.push(resolve)), { what, timeoutMs });
  }

  /** What nobody has taken. */
  get rest(): readonly T[] {
    return this.#items;
  }
}
