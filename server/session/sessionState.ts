import type { Clock } from "../../wire/clock.js";
import type { OfferView } from "../mesos/messages/events.js";
import { rolesOf } from "../mesos/messages/frameworkInfo.js";
import { EventLog } from "./eventLog.js";
import type { FrameworkRecord, FrameworkStore } from "./frameworkStore.js";
import type { ObserverHub, OfferChange } from "./observerHub.js";
import { OpenOffers } from "./openOffers.js";
import type { RecordWriter } from "./recordWriter.js";
import type { OfferFate, SessionCounts } from "./sessionCounts.js";
import type { SessionOptions } from "./sessionOptions.js";
import { Suppression } from "./suppression.js";
import { KnownTasks } from "./tasks.js";
import type { Tracing } from "./tracing.js";
import { UnacknowledgedUpdates } from "./unacknowledgedUpdates.js";
import { UpdatesWithoutToken } from "./updatesWithoutToken.js";

/** What the parts of one session share. */
export interface SessionState {
  readonly record: FrameworkRecord;
  readonly store: FrameworkStore;
  readonly hub: ObserverHub;
  readonly counts: SessionCounts;
  readonly tracing: Tracing | undefined;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly offers: OpenOffers;
  readonly inverseOffers: OpenOffers;
  readonly unacknowledged: UnacknowledgedUpdates;
  readonly withoutToken: UpdatesWithoutToken;
  readonly tasks: KnownTasks;
  readonly suppression: Suppression;
}

type StateOptions = Pick<SessionOptions, "store" | "hub" | "eventLog" | "counts" | "tracing">;

/** Of a session that begins: nothing is open yet, and its tasks are those that the store remembers. */
export function newSessionState(
  first: FrameworkRecord,
  records: RecordWriter,
  clock: Clock,
  { store, hub, eventLog, counts, tracing }: StateOptions,
): SessionState {
  const tasks = new KnownTasks();
  for (const task of store.tasks(first.frameworkName)) tasks.launched(task, clock.wallTime());
  let last = first;
  return {
    get record() {
      // A framework that is forgotten still has a name, until the last that concerns it is told.
      last = records.record ?? last;
      return last;
    },
    store,
    hub,
    counts,
    tracing,
    clock,
    log: new EventLog(eventLog),
    offers: new OpenOffers("offers"),
    inverseOffers: new OpenOffers("inverse-offers"),
    unacknowledged: new UnacknowledgedUpdates(),
    withoutToken: new UpdatesWithoutToken(),
    tasks,
    suppression: new Suppression(rolesOf(first.frameworkInfo), first.suppressedRoles),
  };
}

/** Ids in one observation: far below the 4 MiB at which stubs refuse a message by default. */
const BATCH_IDS = 1_000;

/** Counts offers that are open, and tells observers, in pieces below about 1 MiB. */
export function observeOpened({ hub, record, offers, clock, counts }: SessionState, views: readonly OfferView[]): void {
  counts.offers.opened += views.length;
  if (!hub.watched) return;
  const { frameworkName } = record;
  const timeMs = clock.wallTime();
  for (const piece of offers.pieces(views)) {
    const opened = piece.map(({ bytes }) => bytes);
    hub.emit({ kind: "offers", frameworkName, timeMs, change: "opened", offers: opened, offerIds: [] });
  }
}

/** Counts what became of open offers, and tells observers, in batches. @param fate as which they count */
export function observeGone(
  state: SessionState,
  change: OfferChange,
  offerIds: readonly string[],
  fate: OfferFate = change,
): void {
  state.counts.offers[fate] += offerIds.length;
  if (!state.hub.watched) return;
  const { frameworkName } = state.record;
  const timeMs = state.clock.wallTime();
  for (let at = 0; at < offerIds.length; at += BATCH_IDS) {
    const batch = offerIds.slice(at, at + BATCH_IDS);
    state.hub.emit({ kind: "offers", frameworkName, timeMs, change, offers: [], offerIds: batch });
  }
}

/** A client knows of a task's end: nothing has to be remembered of the task. */
export function forgetTask({ tasks, store, record }: SessionState, taskId: string): void {
  if (tasks.forget(taskId)) store.removeTask(record.frameworkName, taskId);
}
