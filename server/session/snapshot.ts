import { EventType } from "../mesos/messages/events.js";
import { withId } from "../mesos/messages/frameworkInfo.js";
import type { Attachment } from "./attachment.js";
import {
  type LinkState,
  mesosBody,
  type OpenTask,
  progress,
  type SessionEvent,
  type SessionEventBody,
} from "./sessionEvent.js";
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
 * What is open at this moment for a client that does not resume, after `opened`: why there is no master, tasks,
 * offers, and updates; then its end. The events are made one after the other as they are read.
 */
export function snapshotEvents(opened: SessionEvent, state: SessionState, link: LinkView): Iterable<SessionEvent> {
  const { tasks, offers, inverseOffers, unacknowledged, withoutToken, log, clock } = state;
  const openTasks = tasks.open();
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
    for (const piece of taskPieces(openTasks)) yield event(piece);
    for (const { of, type, views } of open) {
      const pieces = of.pieces(views);
      for (const [i, piece] of pieces.entries()) yield event(mesosBody(type, of.event(piece)), i < pieces.length - 1);
    }
    for (const update of updates) yield { ...update, sequence };
    yield progress(sequence, true, receiveTimeMs);
  })();
}

/** About so many bytes of tasks are in one event. */
const PIECE_BYTES = 16 * 1024;
/** What a task has beside its ids, its status and its cookie, roughly. */
const TASK_OVERHEAD_BYTES = 20;

function* taskPieces(tasks: readonly OpenTask[]): Generator<SessionEventBody> {
  let piece: OpenTask[] = [];
  let byteLength = 0;
  for (const task of tasks) {
    piece.push(task);
    byteLength += openTaskBytes(task);
    if (byteLength < PIECE_BYTES) continue;
    yield { kind: "tasks", tasks: piece, byteLength };
    piece = [];
    byteLength = 0;
  }
  if (piece.length > 0) yield { kind: "tasks", tasks: piece, byteLength };
}

function openTaskBytes({ taskIdBytes, agentIdBytes, status, cookie }: OpenTask): number {
  return TASK_OVERHEAD_BYTES + taskIdBytes.length + agentIdBytes.length + (status?.length ?? 0) + cookie.length;
}
