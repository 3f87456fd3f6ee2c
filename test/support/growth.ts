import { expect } from "vitest";

/** Work that is linear in its input takes 4 times as long for 4 times as much; quadratic work 16 times. */
const FACTOR = 4;
const MAX_GROWTH = 8;
/** A machine that does something else meanwhile can only make it look slower: the best of all rounds counts. */
const MIN_ROUNDS = 2;
const MAX_MS = 5_000;
/** What takes less than this is not worth a comparison, in ms. */
const NEGLIGIBLE_MS = 0.2;

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
  let smallMs = Number.POSITIVE_INFINITY;
  let largeMs = Number.POSITIVE_INFINITY;
  const end = performance.now() + MAX_MS;
  // The first round also compiles the code, and is no measure.
  for (let round = 1; round <= MIN_ROUNDS || performance.now() < end; round++) {
    smallMs = Math.min(smallMs, timed(small), timed(small));
    largeMs = Math.min(largeMs, timed(large));
    if (largeMs < NEGLIGIBLE_MS) return 0;
    if (round >= MIN_ROUNDS && largeMs < smallMs * MAX_GROWTH) break;
  }
  return largeMs / smallMs;
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}
