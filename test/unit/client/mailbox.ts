/** A queue to wait at: what is put in is taken out in order. After `close`, and empty, it gives undefined. */
export class Mailbox<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T | undefined) => void)[] = [];
  #closed = false;

  get size(): number {
    return this.#items.length;
  }

  put(item: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#items.push(item);
    else waiting(item);
  }

  take(): Promise<T | undefined> {
    if (this.#items.length > 0 || this.#closed) return Promise.resolve(this.#items.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    this.#closed = true;
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }
}
