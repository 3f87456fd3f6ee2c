import type { AttemptCounts } from "../mesos/link/attemptCounts.js";
import type { StoreCounts } from "../store/storeCounts.js";
import { type Family, histogram, labelled, plain } from "./family.js";

/** The bridge's subscriptions at Mesos, and whether it is ready. */
export function linkFamilies(attempts: AttemptCounts, isReady: () => boolean): Family[] {
  const { ended: _, ...none } = attempts;
  const outcomes = Object.keys(none) as (keyof typeof none)[];
  return [
    plain("mesosbridge_ready", "gauge", "1 while /readyz says yes", () => (isReady() ? 1 : 0)),
    labelled("mesosbridge_subscription_attempts_total", "counter", "outcome", "Attempts to subscribe frameworks", () =>
      outcomes.map((outcome) => [outcome, attempts[outcome]] as const),
    ),
    plain("mesosbridge_subscriptions_ended_total", "counter", "Subscriptions that ended", () => attempts.ended),
  ];
}

/** Writing to the data directory. */
export function storeFamilies(counts: StoreCounts): Family[] {
  return [
    histogram(
      "mesosbridge_store_write_seconds",
      "How long writes took until they were on the disk of the data directory",
      counts.writes,
    ),
    plain("mesosbridge_store_write_failures_total", "counter", "Writes that failed", () => counts.failures),
  ];
}

/** What runs. */
export function buildFamilies(version: string): Family[] {
  const labels = { version, node: process.versions.node };
  const samples = () => [{ labels, value: 1 }];
  return [{ name: "mesosbridge_build_info", type: "gauge", help: "1, with what runs in its labels", samples }];
}
