import { Buckets } from "../../wire/buckets.js";
import type { ExpiryPolicy } from "./frameworkStore.js";
import type { LaunchOutcome, OfferChange } from "./observerHub.js";

/**
 * What became of offers. `expired`: they were given back, because the client had been away for too long. `unwanted`: they
 * were declined as they came, because it still was.
 */
export type OfferFate = OfferChange | "expired" | "unwanted";

/** Types of Mesos's events have numbers up to this; what is above counts as 0. */
const MAX_EVENT_TYPE = 11;
const LAG_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];

/** What happened in all sessions since the bridge began: plain numbers, which whoever exports them reads now and then. */
export class SessionCounts {
  /** Events of Mesos, by `EventType`; 0 holds those of a type that is not known. */
  readonly events: number[] = Array.from({ length: MAX_EVENT_TYPE + 1 }, () => 0);
  readonly offers: Record<OfferFate, number> = {
    opened: 0,
    accepted: 0,
    declined: 0,
    expired: 0,
    unwanted: 0,
    rescinded: 0,
    lost: 0,
  };
  /** Tasks in calls that launch. */
  readonly launches: Record<LaunchOutcome, number> = { sent: 0, accepted: 0, refused: 0, unknown: 0 };
  /** RECONCILE calls that the bridge itself made. */
  readonly reconciliations = { tasks: 0, "all tasks": 0, "all operations": 0 };
  readonly leaseExpiries: Record<ExpiryPolicy, number> = { disconnect: 0, teardown: 0 };
  /** Clients that waited and became active, and then made a call, or did not. */
  readonly promotions = { confirmed: 0, unconfirmed: 0 };
  /** For how long the oldest event of a message waited for its client, in seconds; from the attach on at the earliest. */
  readonly lag = new Buckets(LAG_SECONDS);

  event(type: number): void {
    const at = type <= MAX_EVENT_TYPE ? type : 0;
    this.events[at] = (this.events[at] as number) + 1;
  }
}
