import type { Clock, MonotonicClock } from "../../wire/clock.js";
import { PatientTimer } from "../../wire/patientTimer.js";
import type { Guard } from "./guard.js";

export interface LeaseOptions {
  /** How long open offers are kept for an absent client, in ms. */
  readonly offerHoldMs: number;
}

export interface LeaseHost {
  /** The client has been away for so long that its offers go back. */
  holdOver(): void;
  /** The lease has run out. */
  expired(): void;
}

export interface LeaseClocks {
  readonly clock: Clock;
  /** Counts the time in which the bridge runs. */
  readonly running: MonotonicClock;
}

/**
 * Counts the time that a session outlives its client, on a clock that counts the time in which the bridge runs: a bridge
 * that was stopped could not hear the client. Before a time is over, what waits in the sockets is read: it may be the
 * client that comes back.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #hold: Countdown;
  readonly #expiry: Countdown;

  constructor(options: LeaseOptions, host: LeaseHost, guard: Guard, clocks: LeaseClocks) {
    this.#options = options;
    this.#hold = new Countdown(clocks, () => guard(() => host.holdOver()));
    this.#expiry = new Countdown(clocks, () => guard(() => host.expired()));
  }

  /** The client is away; `leaseMs` is what is left. */
  start(leaseMs: number): void {
    this.#hold.start(Math.min(this.#options.offerHoldMs, leaseMs));
    this.goOn(leaseMs);
  }

  /** The time that is left does not run until `goOn`: the bridge itself keeps the client waiting. Offers are still given back. */
  pause(): void {
    this.#expiry.stop();
  }

  /** The client, which is still away, has `leaseMs` from now on. */
  goOn(leaseMs: number): void {
    this.#expiry.start(leaseMs);
  }

  stop(): void {
    this.#hold.stop();
    this.#expiry.stop();
  }
}

/** Calls back once a time has passed on a clock that may be slower than a timer's. */
class Countdown {
  readonly #running: MonotonicClock;
  readonly #timer: PatientTimer;
  #dueMs = 0;

  constructor({ clock, running }: LeaseClocks, over: () => void) {
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
