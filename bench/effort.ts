/** How long a benchmark measures. */
export class Effort {
  /** How often each thing is measured, after a run that only warms up. */
  readonly runs: number;
  readonly #share: number;

  constructor(runs: number, share: number) {
    this.runs = runs;
    this.#share = share;
  }

  /** True when figures are wanted, and not only whether the benchmark works. */
  get full(): boolean {
    return this.#share === 1;
  }

  /** This share of a count, and at least 10 of it. */
  count(all: number): number {
    return Math.min(all, Math.max(10, Math.ceil(all * this.#share)));
  }

  /** This share of a time in seconds, and at least 0.2 s of it. */
  seconds(all: number): number {
    return Math.min(all, Math.max(0.2, all * this.#share));
  }

  /** All of these, or only the first where the benchmark is shortened. */
  some<T>(all: readonly T[]): readonly T[] {
    return this.full ? all : all.slice(0, 1);
  }
}

/** As figures are measured. */
export const FULL = new Effort(5, 1);
/** So that a benchmark that is broken shows, and nothing else. */
export const SHORT = new Effort(1, 0.02);
