import type { Clock, MonotonicClock } from "../../wire/clock.js";
import { PatientTimer } from "../../wire/patientTimer.js";

export interface CountdownClocks {
  readonly clock: Clock;
  /** Counts the time in which the bridge runs. */
  readonly running: MonotonicClock;
}

/**
 * Calls back once a time has passed in which the bridge ran: a bridge that was stopped could hear nobody. What waits in
 * the sockets by then is read first.
 */
export class Countdown {
  readonly #running: MonotonicClock;
  readonly #timer: PatientTimer;
  #dueMs = 0;

  constructor({ clock, running }: CountdownClocks, over: () => void) {
    this.#running = running;
    this.#timer = new PatientTimer(() => {
      const leftMs = this.#dueMs - running.now();
      // A timer counts whole milliseconds.
      if (leftMs < 1) over();
      else this.#timer.start(leftMs);
    }, clock);
  }

  start(ms: number): void {
    this.#dueMs = this.#running.now() + ms;
    this.#timer.start(ms);
  }

  stop(): void {
    this.#timer.stop();
  }
}
