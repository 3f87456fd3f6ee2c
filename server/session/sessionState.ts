import { EventLog, type EventLogOptions } from "./eventLog.js";
import { rolesOf } from "./frameworkInfo.js";
import type { FrameworkRecord, FrameworkStore } from "./frameworkStore.js";
import type { ObserverHub, OfferChange } from "./observerHub.js";
import { OpenOffers } from "./openOffers.js";
import { Suppression } from "./suppression.js";
import { KnownTasks } from "./tasks.js";
import { TokenlessUpdates } from "./tokenlessUpdates.js";
import { OwedUpdates } from "./updates.js";

/** What the parts of one session share. */
export interface SessionState {
  record: FrameworkRecord;
  readonly store: FrameworkStore;
  readonly hub: ObserverHub;
  readonly log: EventLog;
  readonly offers: OpenOffers;
  readonly inverseOffers: OpenOffers;
  readonly owed: OwedUpdates;
  readonly tokenless: TokenlessUpdates;
  readonly tasks: KnownTasks;
  readonly suppression: Suppression;
}

/** Of a session that begins: nothing is open yet, and its tasks are those that the store remembers. */
export function newSessionState(
  record: FrameworkRecord,
  store: FrameworkStore,
  hub: ObserverHub,
  eventLog: EventLogOptions | undefined,
): SessionState {
  const tasks = new KnownTasks();
  for (const task of store.tasks(record.frameworkName)) tasks.launched(task, Date.now());
  return {
    record,
    store,
    hub,
    log: new EventLog(eventLog),
    offers: new OpenOffers("offers"),
    inverseOffers: new OpenOffers("inverse-offers"),
    owed: new OwedUpdates(),
    tokenless: new TokenlessUpdates(),
    tasks,
    suppression: new Suppression(rolesOf(record.frameworkInfo), record.suppressedRoles),
  };
}

/** Tells observers what became of offers. */
export function observeOffers(
  state: SessionState,
  change: OfferChange,
  offers: readonly Uint8Array[],
  offerIds: readonly string[],
): void {
  if (!state.hub.watched || offers.length + offerIds.length === 0) return;
  const { frameworkName } = state.record;
  state.hub.emit({ kind: "offers", frameworkName, timeMs: Date.now(), change, offers, offerIds });
}
