/** From here on the place of what has left is given back. */
const MIN_LEFT = 1024;

/**
 * First in, first out, in constant time: `Array.shift` moves all that is left of a long array, and a Map or Set walks over
 * all that was deleted at its front.
 */
export class Queue<T> {
  #items: (T | undefined)[] = [];
  /** Where the first item stands. */
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** The item that came first; undefined if there is none. */
  get first(): T | undefined {
    return this.#items[this.#head];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the first item out. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const first = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head++;
    // Once it is half of all, so that each item is moved once or twice.
    if (this.#head >= MIN_LEFT && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let at = this.#head; at < this.#items.length; at++) yield this.#items[at] as T;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
