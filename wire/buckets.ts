/** Counts values by size, without labels or allocations: for paths on which events go by. */
export class Buckets {
  /** Upper bounds, each included, in increasing order. */
  readonly bounds: readonly number[];
  /** Values up to each bound and above the one before it; the last is for those above all. */
  readonly counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  /** Of all values. */
  get sum(): number {
    return this.#sum;
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    counts[at] = (counts[at] as number) + 1;
    this.#sum += value;
  }
}
