import type { BackoffOptions } from "../../../wire/backoff.js";
import type { Clock } from "../../../wire/clock.js";
import type { Randomness } from "../../../wire/randomness.js";
import type { Log } from "../../log.js";
import type { MasterDetector } from "../detect/detector.js";
import type { ClientTls } from "../tls/clientTls.js";
import type { AttemptCounts } from "./attemptCounts.js";
import type { Authentication } from "./authentication.js";
import type { CallBudget } from "./callBudget.js";
import type { Connect } from "./openSocket.js";

export interface LinkOptions {
  readonly detector: MasterDetector;
  readonly authentication: Authentication;
  readonly log: Log;
  /** Opens connections to masters. Default: over the network, trusting the system's certificates. */
  readonly connect?: Connect;
  /** What `connect` uses: what failed before a change of it is tried again at once. */
  readonly tls?: ClientTls;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: the system's. */
  readonly randomness?: Randomness;
  /** How long connecting and the first answer may take, in ms. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Missed heartbeats after which a silent master is given up. Default 5, as Mesos's own clients do. */
  readonly missedHeartbeats?: number;
  /** How long the answer to a call may take, in ms. Default 30,000. */
  readonly callTimeoutMs?: number;
  /** How long the connection for calls may be idle and still be used, in ms. Default 15,000. */
  readonly callIdleMs?: number;
  /** How long a subscription has to live before a break is tried again soon, in ms. Default 5,000. */
  readonly settledAfterMs?: number;
  /** Largest event that is accepted, in bytes. Default 256 MiB. */
  readonly maxRecordBytes?: number;
  /** Calls and bytes that may wait for the master's answer. Default 20,000 and 64 MiB. */
  readonly maxPendingCalls?: number;
  readonly maxPendingBytes?: number;
  /** Bounds the bytes of calls that wait on all links which share it. Default: one of its own. */
  readonly callBudget?: CallBudget;
  readonly backoff?: BackoffOptions;
  readonly counter?: SubscriptionCounter;
  /** Where attempts to subscribe are counted. */
  readonly attempts?: AttemptCounts;
}

/** Counts the links that have a subscription: it hears from each when it gets and loses it. */
export interface SubscriptionCounter {
  subscribed(): void;
  unsubscribed(): void;
}
