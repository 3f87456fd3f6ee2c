import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RunningTime } from "../../../wire/runningTime.js";
import { standStill } from "../../support/standStill.js";

let clock: RunningTime;
beforeEach(() => {
  clock = new RunningTime();
});
afterEach(() => clock.close());

test("counts while the process runs, asked or not", async () => {
  const startedMs = clock.now();
  const wallMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(clock.now() - startedMs).toBeGreaterThan(600);
  expect(clock.now() - startedMs).toBeLessThanOrEqual(performance.now() - wallMs + 1);
});

test("counts little of a standstill", () => {
  const startedMs = clock.now();
  standStill(1_500);
  expect(clock.now() - startedMs).toBeLessThanOrEqual(500);
});

test("does not follow the wall clock", () => {
  const startedMs = clock.now();
  vi.setSystemTime(Date.now() + 3_600_000);
  try {
    expect(clock.now() - startedMs).toBeLessThan(1_000);
  } finally {
    vi.useRealTimers();
  }
});
