import { buildCall, CallType, declineCalls, rolesCall } from "../mesos/calls.js";
import { EventType, rescindEvent } from "../mesos/events.js";
import { mesosBody } from "./sessionEvent.js";
import { observeGone, type SessionState } from "./sessionState.js";

/** Sends a call of the bridge's own. */
type Send = (call: Uint8Array) => void;

/** The client has been away for longer than offers are held: they go back to Mesos, and no more are wanted. */
export function giveOffersBack(state: SessionState, send: Send): void {
  const { suppression, offers, log } = state;
  suppression.setAway(true);
  const ids = offers.clear();
  if (ids.length > 0) {
    for (const call of declineCalls(ids)) send(call);
    observeGone(state, "declined", ids);
    // Who resumes has to learn that these are gone.
    for (const id of ids) log.append(mesosBody(EventType.RESCIND, rescindEvent(id)), Date.now());
  }
  send(buildCall(CallType.SUPPRESS));
}

/** A client is there, and gets the offers that it wants: those of before if it resumes. */
export function wantOffersAgain({ suppression, record }: SessionState, resumed: boolean, send: Send): void {
  // Who resumes goes on where it was. A new client says itself what it does not want, as in Mesos's SUBSCRIBE:
  // it can't know what the one before it had suppressed since.
  const change = resumed ? undefined : suppression.reset(record.suppressedRoles);
  const revive = suppression.away ? suppression.wantedRoles() : (change?.revived ?? []);
  const suppress = suppression.away ? [] : (change?.suppressed ?? []);
  suppression.setAway(false);
  if (revive.length > 0) send(rolesCall(CallType.REVIVE, revive));
  if (suppress.length > 0) send(rolesCall(CallType.SUPPRESS, suppress));
}
