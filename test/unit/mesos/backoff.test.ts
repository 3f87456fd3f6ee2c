import { expect, test } from "vitest";
import { Backoff } from "../../../wire/backoff.js";

/** The largest of many first, second, ... waits. */
function largest(options: ConstructorParameters<typeof Backoff>[0], waits: number): number[] {
  const most = Array<number>(waits).fill(0);
  for (let run = 0; run < 500; run++) {
    const backoff = new Backoff(options);
    for (let i = 0; i < waits; i++) most[i] = Math.max(most[i] ?? 0, backoff.next());
  }
  return most;
}

test("waits are random up to a bound that doubles and is capped", () => {
  const bounds = [100, 200, 400, 800, 1_000, 1_000, 1_000];
  const most = largest({ initialMs: 100, maxMs: 1_000 }, bounds.length);
  for (const [i, bound] of bounds.entries()) {
    expect(most[i]).toBeLessThanOrEqual(bound);
    expect(most[i]).toBeGreaterThan(bound * 0.9);
  }
});

test("by default the first wait is at most 100 ms, and none is over 15 s", () => {
  const most = largest({}, 12);
  expect(most[0]).toBeLessThanOrEqual(100);
  expect(most[11]).toBeLessThanOrEqual(15_000);
  expect(most[11]).toBeGreaterThan(13_000);
});

test("it can go on for ever", () => {
  const backoff = new Backoff({ initialMs: 1, maxMs: 10 });
  for (let i = 0; i < 5_000; i++) expect(backoff.next()).toBeLessThanOrEqual(10);
});

test("after a reset the waits are short again", () => {
  const backoff = new Backoff({ initialMs: 10, maxMs: 100_000 });
  for (let i = 0; i < 20; i++) backoff.next();
  backoff.reset();
  expect(backoff.next()).toBeLessThanOrEqual(10);
});

test("a wait ends when it is aborted", async () => {
  const stop = new AbortController();
  const waiting = new Backoff({ initialMs: 60_000, maxMs: 60_000 }).wait(stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
});
