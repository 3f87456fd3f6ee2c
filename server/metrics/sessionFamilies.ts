import type { SessionCounts } from "../session/sessionCounts.js";
import { type Family, histogram, labelled, plain } from "./family.js";
import type { FrameworkView, SessionsView } from "./sessionsView.js";

/** Mesos's names of event types, by number. Heartbeats end in the link, and are not counted. */
const EVENT_TYPES: readonly (readonly [number, string])[] = [
  [0, "other"],
  [1, "SUBSCRIBED"],
  [2, "OFFERS"],
  [3, "RESCIND"],
  [4, "UPDATE"],
  [5, "MESSAGE"],
  [6, "FAILURE"],
  [7, "ERROR"],
  [9, "INVERSE_OFFERS"],
  [10, "RESCIND_INVERSE_OFFER"],
  [11, "UPDATE_OPERATION_STATUS"],
];

/** @param view what there is at the moment of the scrape */
export function sessionFamilies(counts: SessionCounts, view: () => SessionsView): Family[] {
  return [...gauges(view), ...counters(counts)];
}

function gauges(view: () => SessionsView): Family[] {
  const gauge = (name: string, help: string, value: (view: SessionsView) => number) =>
    plain(`mesosbridge_${name}`, "gauge", help, () => value(view()));
  return [
    labelled("mesosbridge_frameworks", "gauge", "client", "Open frameworks, by whether a client is attached", () => [
      ["attached", view().attached],
      ["detached", view().detached],
    ]),
    gauge("standbys", "Clients that wait to become the active one of their framework", ({ standbys }) => standbys),
    labelled("mesosbridge_links", "gauge", "state", "Open frameworks, by whether Mesos has their subscription", () => [
      ["connected", view().linked],
      ["connecting", view().unlinked],
    ]),
    gauge("tasks", "Tasks that have not ended, as far as the bridge knows", ({ tasks }) => tasks),
    gauge("open_offers", "Offers that nobody has used, declined or rescinded", ({ openOffers }) => openOffers),
    gauge("oldest_open_offer_age_seconds", "Age of the oldest open offer; 0 without one", (v) => v.oldestOfferSeconds),
    gauge("owed_acknowledgements", "Updates that clients have not acknowledged", (v) => v.owedAcknowledgements),
    gauge(
      "oldest_owed_acknowledgement_age_seconds",
      "Age of the oldest update that its client has not acknowledged; 0 without one",
      ({ oldestOwedSeconds }) => oldestOwedSeconds,
    ),
    gauge("unread_events", "Events in the logs of sessions that attached clients have not read", (v) => v.unreadEvents),
    gauge("event_log_bytes", "What the logs of sessions hold, read or not, in bytes", (v) => v.eventLogBytes),
  ];
}

function counters(counts: SessionCounts): Family[] {
  const counter = (name: string, label: string, help: string, values: () => Iterable<readonly [string, number]>) =>
    labelled(`mesosbridge_${name}_total`, "counter", label, help, values);
  return [
    counter("events", "type", "Events that came from Mesos", () => eventsByType(counts)),
    counter("offers", "fate", "What became of offers", () => Object.entries(counts.offers)),
    counter("launched_tasks", "outcome", "Tasks in calls that launch", () => Object.entries(counts.launches)),
    counter("reconciliations", "about", "RECONCILE calls that the bridge itself made", () =>
      Object.entries(counts.reconciliations),
    ),
    counter("lease_expiries", "policy", "Leases that ran out", () => Object.entries(counts.leaseExpiries)),
    counter("promotions", "outcome", "Clients that waited and became active, by whether they made a call then", () =>
      Object.entries(counts.promotions),
    ),
    histogram(
      "mesosbridge_event_lag_seconds",
      "How long the oldest event of a message waited until its client took it",
      counts.lag,
    ),
  ];
}

function eventsByType({ events }: SessionCounts): [string, number][] {
  return EVENT_TYPES.map(([type, name]) => [name, events[type] ?? 0]);
}

/** The series of single frameworks, for whoever asks for them. */
export function frameworkFamilies(view: () => SessionsView): Family[] {
  const family = (name: string, type: "counter" | "gauge", help: string, value: (one: FrameworkView) => number) =>
    labelled(`mesosbridge_framework_${name}`, type, "framework", help, () =>
      view().frameworks.map((one) => [one.name, value(one)] as const),
    );
  return [
    family("attached", "gauge", "1 if a client is attached", ({ attached }) => (attached ? 1 : 0)),
    family("linked", "gauge", "1 if Mesos has its subscription", ({ linked }) => (linked ? 1 : 0)),
    family("tasks", "gauge", "Its tasks that have not ended", ({ tasks }) => tasks),
    family("open_offers", "gauge", "Its open offers", ({ openOffers }) => openOffers),
    family("owed_acknowledgements", "gauge", "Its updates without an acknowledgement", (v) => v.owedAcknowledgements),
    family("unread_events", "gauge", "Events that its client has not read", ({ unreadEvents }) => unreadEvents),
    family("events_total", "counter", "Events of its session, those of the bridge included", ({ events }) => events),
  ];
}
