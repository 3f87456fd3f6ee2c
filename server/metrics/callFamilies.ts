import { status } from "@grpc/grpc-js";
import { REASONS } from "../../gen/mesosbridge/v1/reasons.js";
import type { CallCounts, Outcome } from "../grpc/callCounts.js";
import type { RefusalCounts } from "../grpc/refusalCounts.js";
import { type Family, histogramSamples, labelled, plain, type Sample } from "./family.js";

const DURATION = "grpc_server_call_duration_seconds";

/** What clients have at the moment. */
export interface ClientUsage {
  readonly size: number;
  readonly eventBytes: number;
  readonly heldBytes: number;
  readonly refusals: RefusalCounts;
}

/** Calls, with the names of gRFC A66 where it has one, and what clients take of the bridge. */
export function callFamilies(calls: CallCounts, usage: ClientUsage): Family[] {
  return [
    labelled("grpc_server_call_started_total", "counter", "grpc_method", "Calls that began", () =>
      Array.from(calls.methods(), ({ name, started }) => [name, started] as const),
    ),
    {
      name: DURATION,
      type: "histogram",
      help: "How long calls of unary methods took",
      samples: () => durations(calls),
    },
    {
      name: "mesosbridge_calls_ended_total",
      type: "counter",
      help: "Calls and streams that ended",
      samples: () => outcomes(calls, (labels, { calls: value }) => [{ labels, value }]),
    },
    labelled("mesosbridge_refusals_total", "counter", "reason", "Errors that clients were told", () =>
      refusals(usage.refusals),
    ),
    plain("mesosbridge_connections", "gauge", "Open connections of clients", () => usage.size),
    plain(
      "mesosbridge_waiting_event_bytes",
      "gauge",
      "Bytes of events that were written and that clients have not taken",
      () => usage.eventBytes,
    ),
    plain(
      "mesosbridge_unfinished_request_bytes",
      "gauge",
      "Bytes of requests that are not whole",
      () => usage.heldBytes,
    ),
  ];
}

function durations(calls: CallCounts): Sample[] {
  return outcomes(calls, (labels, { durations: some }) => (some ? histogramSamples(DURATION, labels, some) : []));
}

type OutcomeSamples = (labels: { grpc_method: string; grpc_status: string }, outcome: Outcome) => Sample[];

function outcomes(calls: CallCounts, samplesOf: OutcomeSamples): Sample[] {
  const samples: Sample[] = [];
  for (const method of calls.methods()) {
    for (const outcome of method.outcomes) {
      if (!outcome) continue;
      const labels = { grpc_method: method.name, grpc_status: status[outcome.code] };
      for (const sample of samplesOf(labels, outcome)) samples.push(sample);
    }
  }
  return samples;
}

/** Those that the bridge gives; a client library's own never come from here. */
function* refusals({ byReason }: RefusalCounts): IterableIterator<[string, number]> {
  for (const [reason, { givenBy }] of Object.entries(REASONS)) {
    if (givenBy === "bridge") yield [reason, byReason.get(reason as never) ?? 0];
  }
}
