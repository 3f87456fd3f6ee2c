import { describe, expect, it } from "vitest";
import { LaunchBackoff } from "../../../clients/typescript/library/launchBackoff.js";

const pace = { backoffSeconds: 1, backoffFactor: 2, maxLaunchDelaySeconds: 5 };

describe("the delay before a launch", () => {
  it("grows with each failure, up to the longest", () => {
    const backoff = new LaunchBackoff();
    let nowMs = 0;
    const delays = [1, 2, 3, 4, 5].map(() => {
      const delayMs = backoff.failed("web", "v1", pace, 10, nowMs);
      expect(backoff.isWaiting("web", "v1", nowMs + delayMs - 1)).toBe(true);
      nowMs += delayMs;
      expect(backoff.isWaiting("web", "v1", nowMs)).toBe(false);
      return delayMs;
    });
    expect(delays).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  it("counts many failures at once as one", () => {
    const backoff = new LaunchBackoff();
    for (let i = 0; i < 10; i++) expect(backoff.failed("web", "v1", pace, 10, i)).toBe(1_000 - i);
  });

  it("is short again after a good run, and for another version", () => {
    const backoff = new LaunchBackoff();
    backoff.failed("web", "v1", pace, 10, 0);
    expect(backoff.failed("web", "v1", pace, 10, 10_000)).toBe(2_000);
    expect(backoff.failed("web", "v1", pace, 90_000, 200_000)).toBe(1_000);
    expect(backoff.isWaiting("web", "v2", 200_001)).toBe(false);
    expect(backoff.failed("web", "v2", pace, 10, 200_001)).toBe(1_000);
  });

  it("stays a number, however often it fails", () => {
    const backoff = new LaunchBackoff();
    const none = { backoffSeconds: 0, backoffFactor: 100, maxLaunchDelaySeconds: 5 };
    for (let i = 0; i < 2_000; i++) expect(backoff.failed("web", "v1", none, 10, i)).toBe(0);
  });
});
