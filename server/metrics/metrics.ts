import { readdir } from "node:fs/promises";
import type { Metric } from "prom-client";
import type { CallCounts } from "../grpc/callCounts.js";
import type { AttemptCounts } from "../mesos/link/attemptCounts.js";
import type { SessionManager } from "../session/sessionManager.js";
import type { StoreCounts } from "../store/storeCounts.js";
import { type ClientUsage, callFamilies } from "./callFamilies.js";
import type { Family } from "./family.js";
import { buildFamilies, linkFamilies, storeFamilies } from "./processFamilies.js";
import { frameworkFamilies, sessionFamilies } from "./sessionFamilies.js";
import { type SessionsView, viewOf } from "./sessionsView.js";

/** What counts, and what is looked at when somebody scrapes. */
export interface MetricsSources {
  readonly sessions: Pick<SessionManager, "counts" | "sessionsFrom" | "unordered">;
  readonly calls: CallCounts;
  readonly usage: ClientUsage;
  readonly attempts: AttemptCounts;
  readonly store: StoreCounts;
  readonly isReady: () => boolean;
  readonly version: string;
  /** How many frameworks have series of their own. Names are in them. */
  readonly maxFrameworks: number;
}

export interface Exposition {
  readonly contentType: string;
  /** All series as text, as they are now. */
  render(): Promise<string>;
}

const OPEN_FDS = "process_open_fds";

/** They list all sockets at each scrape, and say little more than the number of open descriptors, which is read aside here. */
const COSTLY = [
  ...["resources", "handles", "requests"].flatMap((what) => [`nodejs_active_${what}`, `nodejs_active_${what}_total`]),
  OPEN_FDS,
];

/**
 * Metrics in Prometheus's format. Nothing is kept between scrapes: each reads the counters where they are, and looks at
 * all sessions once. The library is loaded only here, for bridges that are asked for metrics.
 */
export async function openMetrics(sources: MetricsSources): Promise<Exposition> {
  const { Registry, collectDefaultMetrics } = await import("prom-client");
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of COSTLY) registry.removeSingleMetric(name);
  const { sessions, maxFrameworks } = sources;
  registry.registerMetric(openDescriptors());
  const look = () => viewOf(sessions, Date.now(), maxFrameworks);
  let view: SessionsView = look();
  for (const family of familiesOf(sources, () => view)) registry.registerMetric(asMetric(family));
  return {
    contentType: registry.contentType,
    render: () => {
      view = look();
      return registry.metrics();
    },
  };
}

function familiesOf(sources: MetricsSources, view: () => SessionsView): Family[] {
  return [
    ...buildFamilies(sources.version),
    ...linkFamilies(sources.attempts, sources.isReady),
    ...sessionFamilies(sources.sessions.counts, view),
    ...(sources.maxFrameworks > 0 ? frameworkFamilies(view) : []),
    ...callFamilies(sources.calls, sources.usage),
    ...storeFamilies(sources.store),
  ];
}

/** All that the registry asks of a metric. Its own classes would look up labels at each count. */
function asMetric({ name, help, type, samples }: Family): Metric {
  const metric = { name, help, type, get: async () => ({ name, help, type, values: samples() }) };
  return metric as unknown as Metric;
}

/**
 * The library lists them while the event loop waits, which takes milliseconds once there are thousands. Here a scrape has
 * them as of the one before, and has them listed aside for the next.
 */
function openDescriptors(): Metric {
  const [name, help, type] = [OPEN_FDS, "Open file descriptors, as of the scrape before", "gauge"] as const;
  const count = () =>
    readdir("/proc/self/fd").then(
      (files) => files.length,
      () => undefined,
    );
  let counting = count();
  const get = async () => {
    const value = await counting;
    counting = count();
    return { name, help, type, values: value === undefined ? [] : [{ labels: {}, value }] };
  };
  return { name, help, type, get } as unknown as Metric;
}
