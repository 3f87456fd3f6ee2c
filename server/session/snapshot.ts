import { EventType } from "../mesos/events.js";
import type { Attachment } from "./attachment.js";
import { withId } from "./frameworkInfo.js";
import type { OpenOffers } from "./openOffers.js";
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

/** The first event of a stream. @param defaultedFields of the FrameworkInfo: what the bridge set for the client */
export function openedEvent(
  { record, log }: SessionState,
  attachment: Attachment,
  resumed: boolean,
  defaultedFields: readonly string[],
  linkState: LinkState,
): SessionEvent {
  const { frameworkId, leaseMs, frameworkInfo } = record;
  return {
    sequence: resumed ? attachment.readSequence : log.lastSequence,
    receiveTimeMs: Date.now(),
    ackToken: "",
    fragment: false,
    body: {
      kind: "opened",
      attachmentId: attachment.id,
      frameworkId,
      leaseMs,
      resumed,
      frameworkInfo: withId(frameworkInfo, frameworkId),
      defaultedFields,
      linkState,
    },
  };
}

/** What is open when a client attaches that does not resume: why there is no master, offers, and updates; then its end. */
export function snapshotEvents(state: SessionState, link: LinkView): SessionEvent[] {
  const { offers, inverseOffers, owed, tokenless, log } = state;
  const receiveTimeMs = Date.now();
  const sequence = log.lastSequence;
  const event = (body: SessionEventBody, fragment = false) => ({
    sequence,
    receiveTimeMs,
    ackToken: "",
    fragment,
    body,
  });
  const ofOffers = (open: OpenOffers, type: number) => {
    const pieces = open.events(open.values());
    return pieces.map(({ bytes }, i) => event(mesosBody(type, bytes), i < pieces.length - 1));
  };
  const { state: linkState, reason, master } = link;
  return [
    ...(linkState === "connecting" && reason !== ""
      ? [event({ kind: "link-changed", state: linkState, reason, master })]
      : []),
    ...ofOffers(offers, EventType.OFFERS),
    ...ofOffers(inverseOffers, EventType.INVERSE_OFFERS),
    ...[...owed.values()].map((update) => ({ ...update.event, sequence })),
    ...tokenless.events().map((update) => ({ ...update, sequence })),
    progress(sequence, true, receiveTimeMs),
  ];
}
