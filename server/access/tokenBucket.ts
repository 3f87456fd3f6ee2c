import type { MonotonicClock } from "../../wire/clock.js";

/** Lets so many through in a second, and as many at once after a pause of a second. */
export class TokenBucket {
  readonly #clock: MonotonicClock;
  #tokens: number | undefined;
  #filledAt = 0;

  constructor(clock: MonotonicClock) {
    this.#clock = clock;
  }

  /** Takes one. False if there is none. @param perSecond may be another one each time */
  take(perSecond: number): boolean {
    const now = this.#clock.now();
    const seconds = (now - this.#filledAt) / 1_000;
    this.#filledAt = now;
    const tokens = Math.min(perSecond, (this.#tokens ?? perSecond) + seconds * perSecond);
    const enough = tokens >= 1;
    this.#tokens = enough ? tokens - 1 : tokens;
    return enough;
  }
}
