import { expect } from "vitest";

/** Work that is linear in its input takes 4 times as long for 4 times as much; quadratic work 16 times. */
const FACTOR = 4;
const MAX_GROWTH = 8;
/** A machine that does something else meanwhile can only make it look slower: the best of all rounds counts. */
const MIN_ROUNDS = 2;
const MAX_CPU_MS = 4_000;
/** What takes less than this, in ms, is not quadratic: with sizes of thousands, that would take several. */
const NEGLIGIBLE_MS = 1;

/**
 * How long expectations of this kind may take, for a test's timeout: on a machine with much else to do, what takes a
 * second takes half a minute.
 */
export const GROWTH_TIMEOUT_MS = 180_000;

/**
 * Expects work to be linear. Only what `prepare` returns is timed: the work on an input of that size. The sizes should
 * be so large that quadratic work would show beside all that is linear.
 */
export function expectLinear(what: string, size: number, prepare: (size: number) => () => void): void {
  const growth = growthOf(prepare(size), prepare(size * FACTOR));
  expect(growth, `${what}: ${FACTOR} times the size takes so many times as long`).toBeLessThan(MAX_GROWTH);
}

/** How many times as long `large` takes as `small`; 0 if it takes next to nothing. */
function growthOf(small: () => void, large: () => void): number {
  const [smallTimes, largeTimes] = [new Times(), new Times()];
  // The first round also compiles the code, and is no measure.
  for (let round = 1; round <= MIN_ROUNDS || smallTimes.spentMs + largeTimes.spentMs < MAX_CPU_MS; round++) {
    smallTimes.take(small);
    smallTimes.take(small);
    largeTimes.take(large);
    if (largeTimes.wallMs < NEGLIGIBLE_MS) return 0;
    if (round >= MIN_ROUNDS && largeTimes.growthFrom(smallTimes) < MAX_GROWTH) break;
  }
  return largeTimes.growthFrom(smallTimes);
}

/**
 * The shortest times that a work took. The clock goes on while others have the processor, and the process's own time
 * includes its threads that collect garbage: quadratic work shows in both, and linear work in one of them.
 */
class Times {
  wallMs = Number.POSITIVE_INFINITY;
  /** Of the processor, all runs together. */
  spentMs = 0;
  #cpuMs = Number.POSITIVE_INFINITY;

  take(work: () => void): void {
    const cpu = process.cpuUsage();
    const start = performance.now();
    work();
    this.wallMs = Math.min(this.wallMs, performance.now() - start);
    const { user, system } = process.cpuUsage(cpu);
    const cpuMs = (user + system) / 1_000;
    this.#cpuMs = Math.min(this.#cpuMs, cpuMs);
    this.spentMs += cpuMs;
  }

  growthFrom(small: Times): number {
    return Math.min(this.wallMs / small.wallMs, this.#cpuMs / small.#cpuMs);
  }
}
