import { EventEmitter } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import { expect, test } from "vitest";
import { FrameworkInfo } from "../../../gen/mesos/v1/mesos.js";
import { CallCounts } from "../../../server/grpc/callCounts.js";
import { RefusalCounts } from "../../../server/grpc/refusalCounts.js";
import { AttemptCounts } from "../../../server/mesos/link/attemptCounts.js";
import { openMetrics } from "../../../server/metrics/metrics.js";
import { BridgeError } from "../../../server/session/errors.js";
import { StoreCounts } from "../../../server/store/storeCounts.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { frameworkInfo } from "../../support/messages.js";
import { parseScrape, sumOf } from "../../support/scrape.js";
import { startSessions } from "../session/startSessions.js";

const cleanup = cleanupAfterAll();
const note = () => {};
const log = { debug: note, info: note, warn: note, error: note };
const ENDED = "mesosbridge_calls_ended_total";

/** Has a call of `path` begin on the session, and end with that status. */
function call(session: EventEmitter, path: string, status: number | undefined): void {
  const sentTrailers = status === undefined ? undefined : { "grpc-status": status };
  const stream = Object.assign(new EventEmitter(), { sentTrailers });
  session.emit("stream", stream, { ":path": path });
  stream.emit("close");
}

async function bridge(frameworks: number, maxFrameworks: number) {
  const { sessions } = await startSessions(cleanup, log);
  const info = Buffer.from(FrameworkInfo.encode(FrameworkInfo.fromPartial(frameworkInfo())).finish());
  const sink = { wake: note, end: note };
  for (let i = 0; i < frameworks; i++) {
    const request = {
      frameworkName: `secret-"team"\n${i}`,
      frameworkInfo: info,
      suppressedRoles: [],
      offerConstraints: Buffer.alloc(0),
    };
    const client = { identity: `person-${i}`, peer: "127.0.0.1:1" };
    const rest = {
      resume: undefined,
      leaseMs: undefined,
      expiryPolicy: "disconnect" as const,
      replaceRemoved: false,
      standby: false,
    };
    await sessions.attach({ ...request, ...client, ...rest }, sink);
  }
  const calls = new CallCounts();
  const http2 = new EventEmitter();
  calls.follow(http2 as unknown as ServerHttp2Session);
  const refusals = new RefusalCounts();
  const metrics = await openMetrics({
    sessions,
    calls,
    usage: { size: 0, eventBytes: 0, heldBytes: 0, refusals },
    attempts: new AttemptCounts(),
    store: new StoreCounts(),
    isReady: () => true,
    version: "0",
    maxFrameworks,
  });
  return { calls, http2, refusals, scrape: async () => parseScrape(await metrics.render()), metrics };
}

test("whatever clients do, there are at most 2,000 series, and nothing goes uncounted", async () => {
  const { calls, http2, refusals, scrape, metrics } = await bridge(30, 0);
  for (let i = 0; i < 60; i++) calls.register(`/a.Service/Method${i}`, i % 3 > 0);
  for (let i = 0; i < 100; i++) {
    // Also statuses that gRPC does not have.
    for (let status = 0; status < 20; status++) call(http2, `/a.Service/Method${i}`, status);
    call(http2, `/a.Service/Method${i}`, undefined);
  }
  for (let i = 0; i < 5; i++) refusals.count(new BridgeError("INVALID_FIELD", `no ${i}`));
  const shown = await scrape();
  expect(shown.series.length).toBeLessThanOrEqual(2_000);
  expect(sumOf(shown, ENDED)).toBe(100 * 21);
  expect(sumOf(shown, "grpc_server_call_started_total")).toBe(100 * 21);
  expect(sumOf(shown, "grpc_server_call_started_total", { grpc_method: "other" })).toBe(40 * 21);
  expect(sumOf(shown, "mesosbridge_refusals_total", { reason: "INVALID_FIELD" })).toBe(5);
  const text = await metrics.render();
  expect(text).not.toContain("team");
  expect(text).not.toContain("person");
});

test("a client that is gone before its call was answered counts as CANCELLED", async () => {
  const { calls, http2, scrape } = await bridge(0, 0);
  calls.register("/a.Service/Method", true);
  call(http2, "/a.Service/Method", undefined);
  const labels = { grpc_method: "a.Service/Method", grpc_status: "CANCELLED" };
  expect(sumOf(await scrape(), ENDED, labels)).toBe(1);
});

test("streams are counted, and are not among the durations", async () => {
  const { calls, http2, scrape } = await bridge(0, 0);
  calls.register("/a.Service/Stream", false);
  call(http2, "/a.Service/Stream", 0);
  const shown = await scrape();
  expect(sumOf(shown, ENDED, { grpc_method: "a.Service/Stream" })).toBe(1);
  expect(shown.series.filter(({ name }) => name === "grpc_server_call_duration_seconds_count")).toEqual([]);
});

test("only as many frameworks as were asked for have series of their own", async () => {
  const { scrape } = await bridge(6, 4);
  const shown = await scrape();
  const names = new Set(shown.series.flatMap(({ labels }) => labels.framework ?? []));
  expect(names.size).toBe(4);
  expect(sumOf(shown, "mesosbridge_frameworks", { client: "attached" })).toBe(6);
});
