import type { MonotonicClock } from "../../wire/clock.js";
import type { Log } from "../log.js";
import type { Links } from "../mesos/link/frameworkLink.js";
import type { AttachedClient } from "./attachment.js";
import type { Resume } from "./attachments.js";
import type { CallBudget } from "./callBudget.js";
import type { CallGate } from "./callGate.js";
import type { CallLog } from "./callLog.js";
import type { EventLogOptions } from "./eventLog.js";
import type { FrameworkStore } from "./frameworkStore.js";
import type { ObserverHub } from "./observerHub.js";
import type { ReconcilerOptions } from "./reconciler.js";
import type { SessionCounts } from "./sessionCounts.js";
import type { Surroundings } from "./surroundings.js";
import type { Tracing } from "./tracing.js";

export interface SessionOptions {
  readonly links: Links;
  readonly log: Log;
  readonly store: FrameworkStore;
  readonly hub: ObserverHub;
  /** How long open offers are kept for an absent client, in ms. Default 5,000. */
  readonly offerHoldMs?: number;
  /** How long a client waits for the answer to a TEARDOWN, in ms. Default 30,000. */
  readonly callTimeoutMs?: number;
  readonly eventLog?: EventLogOptions;
  readonly reconciler?: ReconcilerOptions;
  /** Where sessions count what happens in them. */
  readonly counts: SessionCounts;
  /** Follows what clients trace. Default: nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

/** What the keeper of a session has for it, and has to do when it ends by itself. */
export interface SessionHost {
  readonly gate: CallGate;
  readonly callLog: CallLog;
  readonly callBudget: CallBudget;
  readonly surroundings: Surroundings;
  /** Counts the time in which the bridge runs. */
  readonly running: MonotonicClock;
  /** Its id was chosen just now: Mesos does not know the framework yet. */
  readonly isNew: boolean;
  /** No client is active, and some wait: the next is to be promoted. */
  vacant(): void;
  /** The session is over and must not be used any more. Resolves once that is remembered; never rejects. */
  ended(next: "keep" | "forget"): Promise<void>;
}

export interface AttachOptions {
  readonly client: AttachedClient;
  readonly resume: Resume | undefined;
  readonly defaultedFields: readonly string[];
  /** Go on as a new framework if Mesos says that this one has been removed. */
  readonly replaceRemoved: boolean;
  /** Whether the lease may have the framework torn down, by the time that it runs out. Default: it may. */
  readonly mayTearDown?: (() => boolean) | undefined;
}
