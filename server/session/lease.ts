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

/** The longest time that one timer can take. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Counts the time that a session outlives its client. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #host: LeaseHost;
  readonly #guard: Guard;
  #hold: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;

  constructor(options: LeaseOptions, host: LeaseHost, guard: Guard) {
    this.#options = options;
    this.#host = host;
    this.#guard = guard;
  }

  /** The client is away; `leaseMs` is what is left. */
  start(leaseMs: number): void {
    this.stop();
    const hold = Math.min(this.#options.offerHoldMs, leaseMs);
    this.#hold = setTimeout(() => this.#guard(() => this.#host.holdOver()), hold);
    this.goOn(leaseMs);
  }

  /** The time that is left does not run until `goOn`: the bridge itself keeps the client waiting. Offers are given back all the same. */
  pause(): void {
    clearTimeout(this.#expiry);
  }

  /** The client, which is still away, has `leaseMs` from now on. */
  goOn(leaseMs: number): void {
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.#guard(() => this.#host.expired()), Math.min(leaseMs, MAX_TIMER_MS));
  }

  stop(): void {
    clearTimeout(this.#hold);
    clearTimeout(this.#expiry);
  }
}
