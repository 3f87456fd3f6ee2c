import type { Session } from "../session/session.js";

/** What a framework has at one moment. */
export interface FrameworkView {
  readonly name: string;
  readonly linked: boolean;
  readonly attached: boolean;
  readonly tasks: number;
  readonly openOffers: number;
  readonly owedAcknowledgements: number;
  readonly unreadEvents: number;
  /** Live events since its session began. */
  readonly events: number;
}

/** What all sessions have at one moment, and the first few of them on their own. */
export interface SessionsView {
  readonly attached: number;
  readonly detached: number;
  readonly linked: number;
  readonly unlinked: number;
  readonly tasks: number;
  readonly openOffers: number;
  readonly oldestOfferSeconds: number;
  readonly owedAcknowledgements: number;
  readonly oldestOwedSeconds: number;
  readonly unreadEvents: number;
  readonly eventLogBytes: number;
  readonly frameworks: readonly FrameworkView[];
}

/**
 * Looks at all sessions once.
 *
 * @param maxFrameworks how many, the first by name, are in `frameworks`
 */
export function viewOf(sessions: Iterable<Session>, nowMs: number, maxFrameworks: number): SessionsView {
  const frameworks: FrameworkView[] = [];
  const all = { count: 0, attached: 0, linked: 0, tasks: 0, offers: 0, owed: 0, unread: 0, logBytes: 0 };
  let oldestOfferMs = nowMs;
  let oldestOwedMs = nowMs;
  for (const session of sessions) {
    const { offers, unacknowledged, log } = session.state;
    const view = frameworkView(session);
    all.count++;
    if (view.attached) all.attached++;
    if (view.linked) all.linked++;
    all.tasks += view.tasks;
    all.offers += view.openOffers;
    all.owed += view.owedAcknowledgements;
    all.unread += view.unreadEvents;
    all.logBytes += log.bytes;
    oldestOfferMs = Math.min(oldestOfferMs, offers.oldestMs ?? nowMs);
    oldestOwedMs = Math.min(oldestOwedMs, unacknowledged.oldestMs ?? nowMs);
    if (frameworks.length < maxFrameworks) frameworks.push(view);
  }
  return {
    attached: all.attached,
    detached: all.count - all.attached,
    linked: all.linked,
    unlinked: all.count - all.linked,
    tasks: all.tasks,
    openOffers: all.offers,
    oldestOfferSeconds: (nowMs - oldestOfferMs) / 1_000,
    owedAcknowledgements: all.owed,
    oldestOwedSeconds: (nowMs - oldestOwedMs) / 1_000,
    unreadEvents: all.unread,
    eventLogBytes: all.logBytes,
    frameworks,
  };
}

function frameworkView(session: Session): FrameworkView {
  const { attachment, state } = session;
  const { log, offers, unacknowledged, tasks } = state;
  return {
    name: session.frameworkName,
    linked: session.linkConnected,
    attached: attachment !== undefined,
    tasks: tasks.activeCount,
    openOffers: offers.size,
    owedAcknowledgements: unacknowledged.size,
    unreadEvents: attachment ? log.lastSequence - attachment.readSequence : 0,
    events: log.lastSequence,
  };
}
