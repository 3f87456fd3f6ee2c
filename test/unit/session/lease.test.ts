import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Lease } from "../../../server/session/lease.js";
import { type Clock, RunningTime } from "../../../wire/runningTime.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { standStill } from "../../support/standStill.js";

function lease(offerHoldMs: number, clock?: Clock) {
  const events: string[] = [];
  const subject = new Lease(
    { offerHoldMs },
    { holdOver: () => events.push("hold over"), expired: () => events.push("expired") },
    (work) => work(),
    clock,
  );
  return { subject, events };
}

describe("on a clock that runs", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });

  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  async function advance(ms: number): Promise<void> {
    vi.advanceTimersByTime(ms);
    // It reads what waits in the sockets first.
    for (let i = 0; i < 3; i++) await turn();
  }

  test("offers go back after the hold, and the session ends after the lease", async () => {
    const { subject, events } = lease(1_000);
    subject.start(5_000);
    await advance(999);
    expect(events).toEqual([]);
    await advance(1);
    expect(events).toEqual(["hold over"]);
    await advance(3_999);
    expect(events).toEqual(["hold over"]);
    await advance(1);
    expect(events).toEqual(["hold over", "expired"]);
  });

  test.each([1, 500])("with a lease of %d ms, shorter than the hold, offers go back first", async (ms) => {
    const { subject, events } = lease(1_000);
    subject.start(ms);
    await advance(ms - 1);
    expect(events).toEqual([]);
    await advance(1);
    expect(events).toEqual(["hold over", "expired"]);
  });

  test("a client that returns stops both", async () => {
    const { subject, events } = lease(1_000);
    subject.start(5_000);
    subject.stop();
    await advance(60_000);
    expect(events).toEqual([]);
  });

  test("a new start counts from then on", async () => {
    const { subject, events } = lease(1_000);
    subject.start(2_000);
    await advance(900);
    subject.start(2_000);
    await advance(900);
    expect(events).toEqual([]);
    await advance(1_100);
    expect(events).toEqual(["hold over", "expired"]);
  });

  test("a lease of years does not run out at once", async () => {
    const { subject, events } = lease(1_000);
    subject.start(10 * 365 * 24 * 3_600_000);
    await advance(24 * 3_600_000);
    expect(events).toEqual(["hold over"]);
    subject.stop();
  });
});

describe("of a bridge that stood still", () => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  function lively(offerHoldMs: number) {
    const clock = new RunningTime();
    cleanup.defer(() => clock.close());
    const made = lease(offerHoldMs, clock);
    cleanup.defer(() => made.subject.stop());
    return { ...made, clock };
  }

  test("the time of the standstill is granted again, with what came meanwhile read first", async () => {
    const { subject, events } = lively(600);
    subject.start(1_500);
    standStill(2_000);
    for (let i = 0; i < 20; i++) await turn();
    expect(events).toEqual([]);
    await eventually(() => events.length === 1, { timeoutMs: 5_000 });
    expect(events).toEqual(["hold over"]);
    await eventually(() => events.length === 2, { timeoutMs: 8_000 });
    expect(events).toEqual(["hold over", "expired"]);
  });

  test("it is granted again too where it ended just before the lease", async () => {
    const { subject, events, clock } = lively(5_000);
    subject.start(1_600);
    const startedMs = clock.now();
    standStill(1_500);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(events).toEqual([]);
    await eventually(() => events.length === 2, { timeoutMs: 5_000 });
    expect(clock.now() - startedMs).toBeGreaterThanOrEqual(1_599);
  });
});
