import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Lease } from "../../../server/session/lease.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function lease(offerHoldMs: number) {
  const events: string[] = [];
  const subject = new Lease(
    { offerHoldMs },
    { holdOver: () => events.push("hold over"), expired: () => events.push("expired") },
    (work) => work(),
  );
  return { subject, events };
}

test("offers go back after the hold, and the session ends after the lease", () => {
  const { subject, events } = lease(1_000);
  subject.start(5_000);
  vi.advanceTimersByTime(999);
  expect(events).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(events).toEqual(["hold over"]);
  vi.advanceTimersByTime(3_999);
  expect(events).toEqual(["hold over"]);
  vi.advanceTimersByTime(1);
  expect(events).toEqual(["hold over", "expired"]);
});

test.each([1, 500])("with a lease of %d ms, shorter than the hold, offers go back first", (ms) => {
  const { subject, events } = lease(1_000);
  subject.start(ms);
  vi.advanceTimersByTime(ms - 1);
  expect(events).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(events).toEqual(["hold over", "expired"]);
});

test("a client that returns stops both", () => {
  const { subject, events } = lease(1_000);
  subject.start(5_000);
  subject.stop();
  vi.advanceTimersByTime(60_000);
  expect(events).toEqual([]);
});

test("a new start counts from then on", () => {
  const { subject, events } = lease(1_000);
  subject.start(2_000);
  vi.advanceTimersByTime(900);
  subject.start(2_000);
  vi.advanceTimersByTime(900);
  expect(events).toEqual([]);
  vi.advanceTimersByTime(1_100);
  expect(events).toEqual(["hold over", "expired"]);
});

test("a lease of years does not run out at once", () => {
  const { subject, events } = lease(1_000);
  subject.start(10 * 365 * 24 * 3_600_000);
  vi.advanceTimersByTime(24 * 3_600_000);
  expect(events).toEqual(["hold over"]);
  subject.stop();
});
