import { afterEach, describe, expect, test } from "vitest";
import { Lease } from "../../../server/session/lease.js";
import { RunningTime } from "../../../wire/runningTime.js";
import { Cleanup } from "../../support/cleanup.js";
import { VirtualClock } from "../../support/virtualClock.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

function lease(offerHoldMs: number) {
  const events: string[] = [];
  const clock = new VirtualClock();
  const running = new RunningTime(clock);
  const subject = new Lease(
    { offerHoldMs },
    { holdOver: () => events.push("hold over"), expired: () => events.push("expired") },
    (work) => work(),
    { clock, running },
  );
  cleanup.defer(() => {
    subject.stop();
    running.close();
    expect(clock.timers).toBe(0);
  });
  return { subject, events, clock, running };
}

describe("on a clock that runs", () => {
  test("offers go back after the hold, and the session ends after the lease", async () => {
    const { subject, events, clock } = lease(1_000);
    subject.start(5_000);
    await clock.advance(999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual(["hold over"]);
    await clock.advance(3_999);
    expect(events).toEqual(["hold over"]);
    await clock.advance(1);
    expect(events).toEqual(["hold over", "expired"]);
  });

  test.each([1, 500])("with a lease of %d ms, shorter than the hold, offers go back first", async (ms) => {
    const { subject, events, clock } = lease(1_000);
    subject.start(ms);
    await clock.advance(ms - 1);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual(["hold over", "expired"]);
  });

  test("a client that returns stops both", async () => {
    const { subject, events, clock } = lease(1_000);
    subject.start(5_000);
    subject.stop();
    await clock.advance(60_000);
    expect(events).toEqual([]);
  });

  test("a new start counts from then on", async () => {
    const { subject, events, clock } = lease(1_000);
    subject.start(2_000);
    await clock.advance(900);
    subject.start(2_000);
    await clock.advance(900);
    expect(events).toEqual([]);
    await clock.advance(1_100);
    expect(events).toEqual(["hold over", "expired"]);
  });

  test("a lease of years does not run out at once", async () => {
    const { subject, events, clock } = lease(1_000);
    subject.start(10 * 365 * 24 * 3_600_000);
    await clock.advance(60_000);
    expect(events).toEqual(["hold over"]);
    subject.stop();
  });
});

describe("of a bridge that stood still", () => {
  test("the time of the standstill is granted again, with what came meanwhile read first", async () => {
    const { subject, events, clock } = lease(600);
    subject.start(1_500);
    await clock.standStill(2_000);
    expect(events).toEqual([]);
    await clock.advance(600);
    expect(events).toEqual(["hold over"]);
    await clock.advance(900);
    expect(events).toEqual(["hold over", "expired"]);
  });

  test("it is granted again too where it ended just before the lease", async () => {
    const { subject, events, clock, running } = lease(5_000);
    subject.start(1_600);
    const startedMs = running.now();
    await clock.standStill(1_500);
    await clock.advance(300);
    expect(events).toEqual([]);
    await clock.advance(1_000);
    expect(events).toEqual(["hold over", "expired"]);
    expect(running.now() - startedMs).toBeGreaterThanOrEqual(1_599);
  });
});
