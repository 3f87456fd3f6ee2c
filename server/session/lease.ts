import { Countdown, type CountdownClocks } from "./countdown.js";
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

/**
 * Counts the time that a session outlives its client, on a clock that counts the time in which the bridge runs: a bridge
 * that was stopped could not hear the client. Before a time is over, what waits in the sockets is read: it may be the
 * client that comes back.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #hold: Countdown;
  readonly #expiry: Countdown;

  constructor(options: LeaseOptions, host: LeaseHost, guard: Guard, clocks: CountdownClocks) {
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
