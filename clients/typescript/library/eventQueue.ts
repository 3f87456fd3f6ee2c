/**
 * A bounded queue between one writer and one reader. The writer waits while it is full,
 * so that a slow reader is felt by whoever sends, and memory stays bounded.
 */
export class EventQueue<T> {
  readonly #capacity: number;
  readonly #weigh: (item: T) => number;
  #items: T[] = [];
  #weight = 0;
  #ended = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  /**
   * @param capacity  the weight from which on the writer waits; one item always goes in
   * @param weigh     the weight of an item
   */
  constructor(capacity: number, weigh: (item: T) => number) {
    this.#capacity = capacity;
    this.#weigh = weigh;
  }

  /** Adds the item, then waits until there is room for the next. What is added after the end is dropped. */
  async push(item: T): Promise<void> {
    this.add(item);
    while (this.#weight >= this.#capacity && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
  }

  /** Adds the item, full or not: for the few that come from no stream. */
  add(item: T): void {
    if (this.#ended) return;
    this.#items.push(item);
    this.#weight += this.#weigh(item);
    this.#wakeReader?.();
  }

  /** The next item, in order; undefined after the last. */
  async next(): Promise<T | undefined> {
    while (this.#items.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
    const item = this.#items.shift();
    if (item !== undefined) this.#weight -= this.#weigh(item);
    if (this.#weight < this.#capacity) this.#wakeWriter?.();
    return item;
  }

  /** Nothing more comes. What is queued is still handed out. */
  end(): void {
    this.#ended = true;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }
}
