import type { Clock } from "../../../../embedded/clock.js";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Time that passes only when told to. */
export class ManualClock implements Clock {
  #now = 1_700_000_000_000;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers wait: none is left when their owners are closed. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass and runs what is due, in order; messages that it sets off are delivered in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#now = Math.max(this.#now, due.at);
      this.#timers.delete(due);
      due.callback();
      await settle();
    }
    this.#now = end;
  }
}

/** Until the messages between master and agents are delivered. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
