import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BridgeError } from "../../../clients/typescript/library/errors.js";
import type { SchedulerEvent } from "../../../clients/typescript/library/events.js";
import { Notices } from "../../../clients/typescript/library/notices.js";

const LONG_MS = 60_000;
const detached = (attempt: number) =>
  ({ kind: "detached", error: new BridgeError(14, "refused"), attempt, retryInMs: 0 }) satisfies SchedulerEvent;
const opened = (linked: boolean) => ({ kind: "opened", linked }) as SchedulerEvent;
const offers = { kind: "offers" } as SchedulerEvent;

describe("what a scheduler says of its own accord", () => {
  const said: string[] = [];
  beforeEach(() => {
    said.length = 0;
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const notices = (wantsOffers = true) => new Notices((line) => said.push(line), wantsOffers);

  it("says once per outage that it waits for a bridge, and when there is one", () => {
    const all = notices();
    for (const event of [detached(1), detached(2), detached(3), opened(true), offers, detached(1)]) all.seen(event);
    const waits = "not attached to the bridge: refused; trying again";
    expect(said).toEqual([waits, "attached to the bridge", waits]);
  });

  it("says once that it waits for offers", () => {
    const all = notices();
    all.seen(opened(true));
    expect(said).toEqual([]);
    vi.advanceTimersByTime(LONG_MS);
    all.seen(opened(true));
    vi.advanceTimersByTime(LONG_MS);
    expect(said).toEqual(["attached to the bridge, and waiting for offers"]);
  });

  it("says that it waits for a master", () => {
    notices().seen(opened(false));
    vi.advanceTimersByTime(LONG_MS);
    expect(said).toEqual([
      "attached to the bridge, and waiting for a Mesos master, which the bridge does not have yet",
    ]);
  });

  it.each([
    ["offers come", [opened(true), offers]],
    ["the bridge is lost", [opened(true), detached(1)]],
  ])("says nothing of offers after %s", (_, events) => {
    const all = notices();
    for (const event of events) all.seen(event);
    vi.advanceTimersByTime(LONG_MS);
    expect(said.filter((line) => line.includes("offers"))).toEqual([]);
  });

  it("says nothing of offers that nobody wants, or once it is closed", () => {
    notices(false).seen(opened(true));
    const closed = notices();
    closed.seen(opened(true));
    closed.close();
    vi.advanceTimersByTime(LONG_MS);
    expect(said).toEqual([]);
  });
});
