import type { Session } from "../session/session.js";
import type { SessionManager } from "../session/sessionManager.js";

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
  readonly standbys: number;
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
export function viewOf(
  sessions: Pick<SessionManager, "sessionsFrom" | "unordered">,
  nowMs: number,
  maxFrameworks: number,
): SessionsView {
  const all = { count: 0, attached: 0, standbys: 0, linked: 0, tasks: 0, offers: 0, owed: 0, unread: 0, logBytes: 0 };
  let oldestOfferMs = nowMs;
  let oldestOwedMs = nowMs;
  for (const session of sessions.unordered()) {
    const { offers, unacknowledged, log, tasks } = session.state;
    all.count++;
    if (session.attached) all.attached++;
    all.standbys += session.clients.standbys.length;
    if (session.linkConnected) all.linked++;
    all.tasks += tasks.activeCount;
    all.offers += offers.size;
    all.owed += unacknowledged.size;
    all.unread += unreadEvents(session);
    all.logBytes += log.bytes;
    oldestOfferMs = Math.min(oldestOfferMs, offers.oldestMs ?? nowMs);
    oldestOwedMs = Math.min(oldestOwedMs, unacknowledged.oldestMs ?? nowMs);
  }
  return {
    attached: all.attached,
    detached: all.count - all.attached,
    standbys: all.standbys,
    linked: all.linked,
    unlinked: all.count - all.linked,
    tasks: all.tasks,
    openOffers: all.offers,
    oldestOfferSeconds: (nowMs - oldestOfferMs) / 1_000,
    owedAcknowledgements: all.owed,
    oldestOwedSeconds: (nowMs - oldestOwedMs) / 1_000,
    unreadEvents: all.unread,
    eventLogBytes: all.logBytes,
    frameworks: maxFrameworks === 0 ? [] : firstOf(sessions, maxFrameworks),
  };
}

function firstOf(sessions: Pick<SessionManager, "sessionsFrom">, count: number): FrameworkView[] {
  const views: FrameworkView[] = [];
  for (const session of sessions.sessionsFrom("")) {
    if (views.push(frameworkView(session)) === count) break;
  }
  return views;
}

/** What an attached client has not been handed. */
function unreadEvents({ clients, state }: Session): number {
  return clients.active ? state.log.lastSequence - clients.active.readSequence : 0;
}

function frameworkView(session: Session): FrameworkView {
  const { log, offers, unacknowledged, tasks } = session.state;
  return {
    name: session.frameworkName,
    linked: session.linkConnected,
    attached: session.attached,
    tasks: tasks.activeCount,
    openOffers: offers.size,
    owedAcknowledgements: unacknowledged.size,
    unreadEvents: unreadEvents(session),
    events: log.lastSequence,
  };
}
