import { EventType, rescindEvent } from "../mesos/messages/events.js";
import type { OwnCalls } from "./ownCalls.js";
import { mesosBody } from "./sessionEvent.js";
import { observeGone, type SessionState } from "./sessionState.js";

/** The client has been away for longer than offers are held: they go back to Mesos, and no more are wanted. */
export function giveOffersBack(state: SessionState, own: OwnCalls): void {
  state.suppression.setAway(true);
  declineOpenOffers(state, own);
  own.rolesChanged();
}

/** Nobody is there to use offers that are open. */
export function declineOpenOffers(state: SessionState, own: OwnCalls): void {
  const { offers, log, clock } = state;
  const ids = offers.removeAll();
  if (ids.length === 0) return;
  own.declineOffers(ids);
  observeGone(state, "declined", ids, "expired");
  // Who resumes has to learn that these are gone.
  for (const id of ids) log.append(mesosBody(EventType.RESCIND, rescindEvent(id)), clock.wallTime());
}

/**
 * A client is there, and gets the offers that it wants: those of before if it resumes.
 *
 * @param isSuccessor the stream of the client before is gone
 */
export function wantOffersAgain(
  { suppression, record }: SessionState,
  own: OwnCalls,
  { resumed, isSuccessor }: { resumed: boolean; isSuccessor: boolean },
): void {
  // A client that resumes continues where it was. A new client says itself what it does not want, as in Mesos's SUBSCRIBE:
  // it can't know what the one before it had suppressed since.
  if (!resumed) suppression.reset(record.suppressedRoles);
  // Nor what that one had refused for long. Mesos forgets that when the stream of a scheduler breaks.
  if (!resumed && isSuccessor) suppression.reviveAgain();
  suppression.setAway(false);
  own.rolesChanged();
}
