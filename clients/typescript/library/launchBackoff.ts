/** How soon what has ended is launched again, as Marathon says it. */
export interface LaunchPace {
  backoffSeconds: number;
  backoffFactor: number;
  maxLaunchDelaySeconds: number;
}

/** What ran longer than its delay and this, in ms, was a good one. */
const GOOD_RUN_MS = 60_000;
/** More failures in a row make no difference. */
const MAX_FAILURES = 100;

/** Delays before launches, which grow with each failure in a row. */
export class LaunchBackoff {
  readonly #delays = new Map<string, { version: string; failures: number; untilMs: number }>();

  /** Whether this version of it is not to be launched yet. */
  isWaiting(name: string, version: string, nowMs: number): boolean {
    const delay = this.#delays.get(name);
    return delay?.version === version && delay.untilMs > nowMs;
  }

  /**
   * Notes a failure. Many within one delay count once, and another version begins anew.
   *
   * @param ranMs  how long it ran
   * @returns how long it waits now, in ms
   */
  failed(name: string, version: string, pace: LaunchPace, ranMs: number, nowMs: number): number {
    const before = this.#delays.get(name);
    const known = before?.version === version ? before : { failures: 0, untilMs: 0 };
    if (nowMs < known.untilMs) return known.untilMs - nowMs;
    const good = ranMs > delayMs(pace, known.failures) + GOOD_RUN_MS;
    const failures = good ? 1 : Math.min(known.failures + 1, MAX_FAILURES);
    const untilMs = nowMs + delayMs(pace, failures);
    this.#delays.set(name, { version, failures, untilMs });
    return untilMs - nowMs;
  }
}

function delayMs({ backoffSeconds, backoffFactor, maxLaunchDelaySeconds }: LaunchPace, failures: number): number {
  return Math.min(maxLaunchDelaySeconds, backoffSeconds * backoffFactor ** Math.max(0, failures - 1)) * 1000;
}
