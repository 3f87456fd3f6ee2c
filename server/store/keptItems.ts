/**
 * Items that are to be written anew, each with what the file holds of it, or will if what is being written succeeds;
 * undefined if it holds nothing.
 */
type Changes<Item> = Map<string, Item | undefined>;

/** What is kept of one kind. */
export interface Kind<Item> {
  keyOf(item: Item): string;
  /** Bytes of it that count against a limit. */
  bytesOf(item: Item): number;
  isSame(one: Item, other: Item): boolean;
}

/** Where changes are written. */
export interface ItemWriter<Item> {
  put(items: readonly Item[]): void;
  remove(keys: readonly string[]): void;
}

/**
 * Items of one framework as they are to be, and which of them the file does not show yet. A change waits here until it
 * is written, however often that fails. One item is one change, and an item that came and went before it was written is
 * none, so what waits is never more than the items that are or were written.
 */
export class KeptItems<Item> {
  readonly #kind: Kind<Item>;
  readonly #all = new Map<string, Item>();
  #unsaved: Changes<Item> = new Map();
  /** What is being written now. */
  #saving: Changes<Item> = new Map();
  #bytes = 0;

  constructor(kind: Kind<Item>) {
    this.#kind = kind;
  }

  get isEmpty(): boolean {
    return this.#all.size === 0 && this.#unsaved.size === 0 && this.#saving.size === 0;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Of all items, as the kind counts them. */
  get bytes(): number {
    return this.#bytes;
  }

  get unsavedCount(): number {
    return this.#unsaved.size;
  }

  /** Takes what a file holds. */
  load(item: Item): void {
    this.#set(item);
  }

  /** The same of an item that a file does not hold any more. */
  unload(key: string): void {
    this.#delete(key);
  }

  find(key: string): Item | undefined {
    return this.#all.get(key);
  }

  put(item: Item): void {
    const key = this.#kind.keyOf(item);
    const known = this.#all.get(key);
    if (known !== undefined && this.#kind.isSame(known, item)) return;
    this.#noteChange(key);
    this.#set(item);
  }

  remove(key: string): void {
    if (!this.#all.has(key)) return;
    this.#noteChange(key);
    this.#delete(key);
    this.#forgetIfNeverSaved(key);
  }

  values(): IterableIterator<Item> {
    return this.#all.values();
  }

  keys(): IterableIterator<string> {
    return this.#all.keys();
  }

  /** What the file holds of them, for a copy of it: changes that are not written are not in it. */
  *saved(): Generator<Item> {
    for (const [key, item] of this.#all) if (!this.#unsaved.has(key) && !this.#saving.has(key)) yield item;
    for (const item of this.#saving.values()) if (item !== undefined) yield item;
    for (const [key, item] of this.#unsaved) if (item !== undefined && !this.#saving.has(key)) yield item;
  }

  /** Writes all changes. Then `settle` has to be told what became of them. True if there are others than removals. */
  save(out: ItemWriter<Item>): boolean {
    this.#saving = this.#unsaved;
    this.#unsaved = new Map();
    const put: Item[] = [];
    const removed: string[] = [];
    for (const key of this.#saving.keys()) {
      const item = this.#all.get(key);
      if (item === undefined) removed.push(key);
      else put.push(item);
    }
    if (put.length > 0) out.put(put);
    if (removed.length > 0) out.remove(removed);
    return put.length > 0;
  }

  settle(written: boolean): void {
    const saving = this.#saving;
    this.#saving = new Map();
    if (written) return;
    for (const [key, inFile] of saving) {
      this.#unsaved.set(key, inFile);
      this.#forgetIfNeverSaved(key);
    }
  }

  /** Has all of it written again with the next `save`: what goes before that in the same write takes it from the file. */
  saveAllAgain(): void {
    for (const [key, item] of this.#all) if (!this.#unsaved.has(key)) this.#unsaved.set(key, item);
  }

  /**
   * Takes back what was put aside for a removal that failed; what has been put here since counts. All of it is written
   * again: a copy of the file that was made meanwhile lacks it.
   */
  takeBack(aside: KeptItems<Item>): void {
    const since = [...this.#all.values()];
    this.#all.clear();
    this.#bytes = 0;
    this.#unsaved = aside.#unsaved;
    for (const item of aside.#all.values()) this.#set(item);
    this.saveAllAgain();
    for (const item of since) this.put(item);
  }

  #set(item: Item): void {
    const key = this.#kind.keyOf(item);
    const known = this.#all.get(key);
    if (known !== undefined) this.#bytes -= this.#kind.bytesOf(known);
    // In its place, so that a copy that is being made does not come to it again.
    this.#all.set(key, item);
    this.#bytes += this.#kind.bytesOf(item);
  }

  #delete(key: string): void {
    const known = this.#all.get(key);
    if (known === undefined) return;
    this.#bytes -= this.#kind.bytesOf(known);
    this.#all.delete(key);
  }

  #noteChange(key: string): void {
    if (!this.#unsaved.has(key)) this.#unsaved.set(key, this.#all.get(key));
  }

  #forgetIfNeverSaved(key: string): void {
    if (!this.#all.has(key) && this.#unsaved.get(key) === undefined) this.#unsaved.delete(key);
  }
}
