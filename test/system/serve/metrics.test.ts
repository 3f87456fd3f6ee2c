import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { credentials, makeGenericClientConstructor } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeScheduler } from "../../support/bridgeScheduler.js";
import { Cleanup } from "../../support/cleanup.js";
import { startEmbeddedMesos } from "../../support/embeddedMesos.js";
import { eventually } from "../../support/eventually.js";
import { task } from "../../support/messages.js";
import { at } from "../../support/paths.js";
import { metricOf, type Scrape, scrape, sumOf } from "../../support/scrape.js";

const run = promisify(execFile);
const cleanup = new Cleanup();
const SHORT = { seconds: 0n, nanos: 300_000_000 };
let bridge: Bridge;
let before: Scrape;
let after: Scrape;

/** A client that launches, one call that is refused, one lease that runs out, and a method that is not known. */
beforeAll(async () => {
  const mesos = cleanup.use(await startEmbeddedMesos());
  const flags = ["--http", "127.0.0.1:0", "--metrics-frameworks", "1", "--offer-hold", "100ms"];
  bridge = cleanup.use(await startBridge({ master: mesos.master, flags }));
  before = await scrape(bridge);
  const first = cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName: "a-team" }));
  const offer = await first.offer();
  const done = task(offer.agentId, { command: { value: "true" } });
  await first.launch(offer, done);
  await first.updateTo(done.taskId?.value ?? "", TaskState.TASK_FINISHED);
  const gone = await first.call("declineOffers", { offerIds: [] });
  expect(gone.reason).toBe("INVALID_FIELD");
  const second = await BridgeScheduler.attach(bridge.address, { frameworkName: "b-team", lease: SHORT });
  await second.linked();
  second.stop();
  await callUnknown(bridge.address);
  await eventually(async () => {
    after = await scrape(bridge);
    expect(sumOf(after, "mesosbridge_lease_expiries_total", { policy: "disconnect" })).toBe(1);
    expect(sumOf(after, "mesosbridge_frameworks", { client: "attached" })).toBe(1);
    expect(sumOf(after, "mesosbridge_subscriptions_ended_total")).toBe(1);
    return true;
  });
}, 120_000);

afterAll(() => cleanup.run());

async function callUnknown(address: string): Promise<void> {
  const same = (bytes: Buffer) => bytes;
  const NoSuch = makeGenericClientConstructor(
    {
      method: {
        path: `/no.such.Service/${"Method".repeat(20)}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
    "no.such.Service",
  );
  const client = new NoSuch(address, credentials.createInsecure());
  try {
    const method = client.method as (request: Buffer, done: (error: { code: number }) => void) => void;
    const { code } = await new Promise<{ code: number }>((resolve) => method.call(client, Buffer.alloc(0), resolve));
    expect(code).toBe(12);
  } finally {
    client.close();
  }
}

/** How much a counter grew. */
const grew = (name: string, labels: Record<string, string> = {}) =>
  sumOf(after, name, labels) - sumOf(before, name, labels);

describe("what happened is counted", () => {
  const method = (name: string) => ({ grpc_method: `mesosbridge.v1.SchedulerService/${name}` });

  test("calls, with unknown methods as one", () => {
    expect(grew("grpc_server_call_started_total", method("LaunchTasks"))).toBe(1);
    expect(
      sumOf(after, "grpc_server_call_duration_seconds_count", { ...method("LaunchTasks"), grpc_status: "OK" }),
    ).toBe(1);
    expect(
      sumOf(after, "grpc_server_call_duration_seconds_count", {
        ...method("DeclineOffers"),
        grpc_status: "INVALID_ARGUMENT",
      }),
    ).toBe(1);
    expect(grew("grpc_server_call_started_total", { grpc_method: "other" })).toBe(1);
    expect(sumOf(after, "mesosbridge_calls_ended_total", { grpc_method: "other", grpc_status: "UNIMPLEMENTED" })).toBe(
      1,
    );
    expect(JSON.stringify(after)).not.toContain("no.such");
  });

  test("streams, which are not among the durations", () => {
    expect(grew("grpc_server_call_started_total", method("Subscribe"))).toBe(2);
    expect(sumOf(after, "mesosbridge_calls_ended_total", { ...method("Subscribe"), grpc_status: "CANCELLED" })).toBe(1);
    const timed = after.series.filter(({ name }) => name === "grpc_server_call_duration_seconds_count");
    expect(timed.map(({ labels }) => labels.grpc_method)).not.toContain(method("Subscribe").grpc_method);
  });

  test("refusals, launches, offers, events, leases", () => {
    expect(grew("mesosbridge_refusals_total", { reason: "INVALID_FIELD" })).toBe(1);
    expect(grew("mesosbridge_launched_tasks_total", { outcome: "accepted" })).toBe(1);
    expect(grew("mesosbridge_offers_total", { fate: "opened" })).toBeGreaterThan(0);
    expect(grew("mesosbridge_offers_total", { fate: "accepted" })).toBe(1);
    expect(grew("mesosbridge_events_total", { type: "SUBSCRIBED" })).toBe(2);
    expect(grew("mesosbridge_events_total", { type: "UPDATE" })).toBeGreaterThan(0);
    expect(grew("mesosbridge_subscription_attempts_total", { outcome: "subscribed" })).toBe(2);
    expect(grew("mesosbridge_subscriptions_ended_total")).toBe(1);
    expect(grew("mesosbridge_event_lag_seconds_count")).toBeGreaterThan(0);
    expect(grew("mesosbridge_store_write_seconds_count")).toBeGreaterThan(0);
  });

  test("what there is at the moment", () => {
    expect(sumOf(after, "mesosbridge_ready")).toBe(1);
    expect(sumOf(after, "mesosbridge_links", { state: "connected" })).toBe(1);
    expect(sumOf(after, "mesosbridge_owed_acknowledgements")).toBe(0);
    expect(sumOf(after, "mesosbridge_connections")).toBeGreaterThan(0);
  });
});

test("a framework has series of its own, as many as were asked for", () => {
  const named = after.series.filter(({ labels }) => labels.framework !== undefined);
  expect(new Set(named.map(({ labels }) => labels.framework))).toEqual(new Set(["a-team"]));
  expect(sumOf(after, "mesosbridge_framework_attached", { framework: "a-team" })).toBe(1);
});

test("there are far fewer series than 2,000", () => {
  expect(after.series.length).toBeLessThan(500);
});

describe("deploy/", () => {
  const rules = at("deploy/prometheus/alerts.yml");
  const alerts = [...readFileSync(rules, "utf8").matchAll(/^ +expr: (.*)$/gm)].map(([, expression = ""]) => expression);

  test("all metrics and labels of the alerts are in the scrape", () => {
    expect(alerts.length).toBeGreaterThan(10);
    expect(alerts.flatMap(unknownNames)).toEqual([]);
  });

  test("all metrics and labels of the dashboard are in the scrape", () => {
    const { panels } = JSON.parse(readFileSync(at("deploy/grafana/dashboard.json"), "utf8")) as Dashboard;
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(expressions.length).toBeGreaterThan(20);
    expect(expressions.flatMap(unknownNames)).toEqual([]);
  });

  test("a name that is not in the scrape is found", () => {
    expect(unknownNames('sum by (fat) (rate(mesosbridge_offer_total{fate="x"}[5m])) / up')).toEqual([
      "mesosbridge_offer_total",
      "fat",
    ]);
  });

  test("promtool takes the rules, and what they fire on", async (context) => {
    const { stdout } = await run(process.execPath, [at("scripts/install-prometheus.mjs")]).catch((error: Error) => {
      if (process.env.CI === "true") throw error;
      return context.skip(error.message);
    });
    const promtool = join(stdout.trim(), "promtool");
    await run(promtool, ["check", "rules", rules]);
    await run(promtool, ["test", "rules", at("deploy/prometheus/alerts.test.yml")]);
  }, 120_000);
});

interface Dashboard {
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
}

/** What Prometheus itself adds, and words of its language. */
const KNOWN = new Set(["up", "instance", "job", "le", "and", "or", "on", "by", "unless"]);

/** Metrics and labels in an expression that are not in the scrape. */
function unknownNames(expression: string): string[] {
  const labels = new Set(after.series.flatMap((one) => Object.keys(one.labels)));
  const text = expression.replace(/"[^"]*"/g, "").replace(/\[[^\]]*\]/g, "");
  const groups = [...text.matchAll(/\{([^}]*)\}|\b(?:by|on|without|ignoring) ?\(([^)]*)\)/g)];
  const used = groups.flatMap(([, matchers = "", names = ""]) => `${matchers} ${names}`.match(/[a-zA-Z_]\w*/g) ?? []);
  const rest = text.replace(/\{[^}]*\}|\b(?:by|on|without|ignoring) ?\([^)]*\)/g, " ");
  const metrics = rest.match(/\b[a-zA-Z_]\w*\b(?!\s*\()/g) ?? [];
  return [
    ...metrics.filter((name) => !KNOWN.has(name) && !after.series.some((one) => one.name === name)),
    ...used.filter((name) => !KNOWN.has(name) && !labels.has(name)),
  ];
}

test("docs/operations.md has every metric, with its type and labels, and no other", () => {
  const shown = [...after.types].map(([name, type]) => `${name} ${type} ${labelsOf(name).join(", ")}`.trim());
  const rows = readFileSync(at("docs/operations.md"), "utf8").matchAll(
    /^\| `(\w+)` +\| (counter|gauge|histogram) +\|([^|]*)\|/gm,
  );
  const told = [...rows].map(([, name, type, labels = ""]) =>
    `${name} ${type} ${labels.replaceAll("`", "").trim()}`.trim(),
  );
  expect(told.sort()).toEqual(shown.sort());
});

/** V8 may not have had to collect garbage yet: that metric has no series then. */
const WITHOUT_SERIES: Readonly<Record<string, string[]>> = { nodejs_gc_duration_seconds: ["kind"] };

function labelsOf(metric: string): string[] {
  const own = after.series.filter(({ name }) => metricOf(after, name) === metric);
  if (own.length === 0) return WITHOUT_SERIES[metric] ?? ["no series"];
  const names = new Set(own.flatMap(({ labels }) => Object.keys(labels)));
  names.delete("le");
  return [...names].sort();
}
