import type { EventLog } from "./eventLog.js";
import type { FrameworkRecord, FrameworkStore } from "./frameworkStore.js";
import type { ObserverHub, OfferChange } from "./observerHub.js";
import type { OpenOffers } from "./openOffers.js";
import type { Suppression } from "./suppression.js";
import type { KnownTasks } from "./tasks.js";
import type { TokenlessUpdates } from "./tokenlessUpdates.js";
import type { OwedUpdates } from "./updates.js";

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
