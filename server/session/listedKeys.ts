import { SortedKeys } from "./sortedKeys.js";

/** The order of a small collection is kept through at least this many changes. */
const MIN_CHANGES = 1_000;

/**
 * The keys of a collection in order, for clients that list it page by page. The first page sorts them. From then on each change
 * updates the order, until there have been as many changes as there are keys without anyone asking for a page: by then it is
 * cheaper to sort again. A collection that nobody lists pays nothing.
 */
export class ListedKeys {
  readonly #all: () => readonly string[];
  #sorted: SortedKeys | undefined;
  /** Since the last page. */
  #changes = 0;

  /** @param all gives the keys of the collection as it is now, each of them once */
  constructor(all: () => readonly string[]) {
    this.#all = all;
  }

  /** A key has come, or was there already. */
  added(key: string): void {
    if (this.#sorted) this.#changed()?.add(key);
  }

  /** A key has gone, or was not there. */
  removed(key: string): void {
    if (this.#sorted) this.#changed()?.delete(key);
  }

  cleared(): void {
    this.#sorted = undefined;
  }

  /** The keys after `key`, in order; all keys for undefined. The collection must not change while they are read. */
  after(key: string | undefined): Iterable<string> {
    this.#changes = 0;
    this.#sorted ??= new SortedKeys(this.#all());
    return this.#sorted.after(key);
  }

  #changed(): SortedKeys | undefined {
    this.#changes += 1;
    if (this.#sorted && this.#changes > Math.max(this.#sorted.size, MIN_CHANGES)) this.#sorted = undefined;
    return this.#sorted;
  }
}
