/** An insertion moves everything after it in its list, so lists stay short. */
const MAX_LIST = 512;

/**
 * A set of strings in the order of `<`, which compares UTF-16 code units. To add, delete or find one takes two binary searches
 * and a move within one short list, however many there are.
 */
export class SortedKeys {
  /** Lists in order, none of them empty. */
  readonly #lists: string[][] = [];
  #size = 0;

  /** @param keys each of them once, in any order */
  constructor(keys: readonly string[] = []) {
    const sorted = keys.toSorted();
    this.#size = sorted.length;
    // Half full, so that the next keys do not split them at once.
    for (let at = 0; at < sorted.length; at += MAX_LIST / 2) this.#lists.push(sorted.slice(at, at + MAX_LIST / 2));
  }

  get size(): number {
    return this.#size;
  }

  add(key: string): void {
    const at = this.#listOf(key);
    const list = this.#lists[at];
    if (!list) {
      this.#lists.push([key]);
      this.#size = 1;
      return;
    }
    const place = placeIn(list, key);
    if (list[place] === key) return;
    this.#size += 1;
    if (list.length < MAX_LIST) list.splice(place, 0, key);
    // Keys that come in order fill one list after another.
    else if (place === list.length) this.#lists.splice(at + 1, 0, [key]);
    else {
      const upper = list.splice(MAX_LIST / 2);
      this.#lists.splice(at + 1, 0, upper);
      if (place <= list.length) list.splice(place, 0, key);
      else upper.splice(place - list.length, 0, key);
    }
  }

  delete(key: string): void {
    const at = this.#listOf(key);
    const list = this.#lists[at];
    if (!list) return;
    const place = placeIn(list, key);
    if (list[place] !== key) return;
    this.#size -= 1;
    list.splice(place, 1);
    if (list.length === 0) this.#lists.splice(at, 1);
  }

  /** The keys after `key`, in order; all keys for undefined. The set must not change while they are read. */
  *after(key: string | undefined): IterableIterator<string> {
    let at = key === undefined ? 0 : this.#listOf(key);
    let list = this.#lists[at];
    let place = list === undefined || key === undefined ? 0 : placeIn(list, key);
    if (list?.[place] === key) place += 1;
    for (; list !== undefined; list = this.#lists[at]) {
      for (; place < list.length; place++) yield list[place] as string;
      place = 0;
      at += 1;
    }
  }

  /** The list where the key is or belongs: the first one whose last key is not before it, or else the last list. */
  #listOf(key: string): number {
    let low = 0;
    let high = this.#lists.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#lists[middle]?.at(-1) as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Where the key is in a sorted list, or belongs. */
function placeIn(list: readonly string[], key: string): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
