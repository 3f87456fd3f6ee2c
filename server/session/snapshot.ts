import { EventType } from "../mesos/messages/events.js";
import { withId } from "../mesos/messages/frameworkInfo.js";
import type { Attachment } from "./attachment.js";
import { type LinkState, mesosBody, progress, type SessionEvent, type SessionEventBody } from "./sessionEvent.js";
import type { SessionState } from "./sessionState.js";

/** How the session's link is. */
export interface LinkView {
  readonly state: LinkState;
  /** Why it is not connected; empty if there is nothing to tell. */
  readonly reason: string;
  /** The last master, as host:port; empty before the first. */
  readonly master: string;
}

/**
 * What a client is told of its attachment: as the first event of its stream, or, with `promoted`, when it has waited.
 *
 * @param defaultedFields of the FrameworkInfo: what the bridge set for the client
 */
export function openedEvent(
  kind: "opened" | "promoted",
  { record, log, clock }: SessionState,
  { id, active, resumed, readSequence }: Attachment,
  defaultedFields: readonly string[],
  linkState: LinkState,
): SessionEvent {
  const { frameworkId, leaseMs, frameworkInfo } = record;
  return {
    sequence: resumed ? readSequence : log.lastSequence,
    receiveTimeMs: clock.wallTime(),
    ackToken: "",
    fragment: false,
    body: {
      kind,
      attachmentId: id,
      role: active ? "active" : "standby",
      frameworkId,
      leaseMs,
      resumed,
      frameworkInfo: withId(frameworkInfo, frameworkId),
      defaultedFields,
      linkState,
    },
  };
}

/**
 * What is open at this moment for a client that does not resume, after `opened`: why there is no master, offers, and
 * updates; then its end. The events are made one after the other as they are read.
 */
export function snapshotEvents(opened: SessionEvent, state: SessionState, link: LinkView): Iterable<SessionEvent> {
  const { offers, inverseOffers, unacknowledged, withoutToken, log, clock } = state;
  const receiveTimeMs = clock.wallTime();
  const sequence = log.lastSequence;
  const updates = [...[...unacknowledged.values()].map((update) => update.event), ...withoutToken.events()];
  const open = [
    { of: offers, type: EventType.OFFERS, views: offers.values() },
    { of: inverseOffers, type: EventType.INVERSE_OFFERS, views: inverseOffers.values() },
  ];
  const event = (body: SessionEventBody, fragment = false) => ({
    sequence,
    receiveTimeMs,
    ackToken: "",
    fragment,
    body,
  });
  return (function* () {
    yield opened;
    const { state: linkState, reason, master } = link;
    if (linkState === "connecting" && reason !== "") {
      yield event({ kind: "link-changed", state: linkState, reason, master });
    }
    for (const { of, type, views } of open) {
      const pieces = of.pieces(views);
      for (const [i, piece] of pieces.entries()) yield event(mesosBody(type, of.event(piece)), i < pieces.length - 1);
    }
    for (const update of updates) yield { ...update, sequence };
    yield progress(sequence, true, receiveTimeMs);
  })();
}
