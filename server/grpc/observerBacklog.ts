import { observerTooSlow } from "../session/errors.js";
import type { Observation } from "../session/observerHub.js";
import type { Session } from "../session/session.js";

/** Offers that are shown together, at most. */
const OFFERS_AT_ONCE = 200;

/** The offers that are open at this moment, though they are made into observations one after the other. */
export function openOffers(open: readonly Session[]): Iterable<Observation> {
  const timeMs = Date.now();
  const all = open.map(({ frameworkName, state }) => ({ frameworkName, state, views: state.offers.values() }));
  return (function* () {
    for (const { frameworkName, state, views } of all) {
      for (let at = 0; at < views.length; at += OFFERS_AT_ONCE) {
        for (const piece of state.offers.pieces(views.slice(at, at + OFFERS_AT_ONCE))) {
          const offers = piece.map((offer) => offer.bytes);
          yield { kind: "offers", frameworkName, timeMs, change: "opened", offers, offerIds: [] };
        }
      }
    }
  })();
}

/** Events of a session after a sequence, as far back as it holds them, up to now. */
export function missedEvents(
  { frameworkName, state: { log: events } }: Session,
  afterSequence: number,
  accept: (observation: Observation) => boolean,
): Iterable<Observation> {
  const first = Math.max(afterSequence + 1, events.firstSequence);
  const last = events.lastSequence;
  return (function* () {
    for (let sequence = first; sequence <= last; sequence++) {
      const event = events.at(sequence);
      // The session's log is bounded: it has gone on while the observer read.
      if (!event) throw observerTooSlow();
      const observation: Observation = { kind: "event", frameworkName, event };
      if (accept(observation)) yield observation;
    }
  })();
}
