import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeClient } from "../../support/bridgeClient.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually, within } from "../../support/eventually.js";
import { type FakeConnection, FakeMaster } from "../../support/fakeMaster.js";
import { health } from "../../support/health.js";
import { at } from "../../support/paths.js";

let cleanup: Cleanup;
let master: FakeMaster;

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [at("scripts/build.mjs")]);
}, 120_000);

beforeEach(async () => {
  cleanup = new Cleanup();
  master = cleanup.use(await FakeMaster.start());
});

afterEach(() => cleanup.run());

async function bridge(masters = master.host): Promise<Bridge> {
  return cleanup.use(await startBridge({ master: masters }));
}

/** Answers as a Mesos master that leads, subscriptions too. */
async function beMesos(): Promise<void> {
  for (;;) {
    const { method, connection, call } = await master.requests.next({ timeoutMs: 60_000 });
    if (method === "GET") connection.answer(405, "", { Allow: "POST" });
    else {
      connection.openStream();
      connection.subscribed({ frameworkId: call().frameworkId?.value ?? "" });
    }
  }
}

/** Answers whatever is asked with the same bytes. */
async function answerWith(answer: (connection: FakeConnection) => void): Promise<void> {
  for (;;) answer((await master.requests.next({ timeoutMs: 60_000 })).connection);
}

const SERVICES = ["", "mesosbridge.v1.SchedulerService", "mesosbridge.v1.ObserverService"];
const framework = { frameworkName: "test", frameworkInfo: { user: "root", name: "test" } };

test("says where it serves, once, on stdout, and that it is healthy once a master answers", async () => {
  beMesos().catch(() => {});
  const running = await bridge();
  expect(running.address).toMatch(/^127\.0\.0\.1:\d+$/);
  await eventually(async () => (await health(running.address)) === "SERVING");
  for (const service of SERVICES) expect(await health(running.address, service)).toBe("SERVING");
  expect(running.log().match(/^ready /gm)).toHaveLength(1);
  expect(running.log()).toContain("a Mesos master answers");
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s ends it in seconds, with status 0, and open streams are told",
  async (signal) => {
    beMesos().catch(() => {});
    const running = await bridge();
    const client = cleanup.use(new BridgeClient(running.address));
    const scheduler = client.subscribe(framework);
    await scheduler.next(({ event }) => event?.$case === "mesos", { what: "SUBSCRIBED" });
    const observer = client.stream("watchEvents", {});
    await observer.connected;
    const calls = client.calls();
    calls.send({ tag: 1n });
    await calls.results.nextAny();
    // A connection that says nothing holds nothing up.
    const idle = createConnection(Number(running.address.split(":")[1]), "127.0.0.1").on("error", () => {});
    cleanup.defer(() => idle.destroy());

    const started = performance.now();
    running.process.signal(signal);
    for (const stream of [scheduler, observer, calls.results]) {
      expect(await stream.ending()).toMatchObject({
        code: "UNAVAILABLE",
        reason: "BRIDGE_SHUTTING_DOWN",
        retryable: true,
      });
    }
    expect(await within(running.process.exited)).toEqual({ code: 0, signal: null });
    expect(performance.now() - started).toBeLessThan(8_000);
    expect(running.log()).toContain('"msg":"ended"');
  },
);

const WATCHES = ["watchOffers", "watchLaunches", "watchStatusUpdates", "watchEvents"] as const;
test.each(WATCHES)("%s says at once that it stands, though nothing happens", async (name) => {
  const running = await bridge();
  const client = cleanup.use(new BridgeClient(running.address));
  for (const frameworkName of ["", "no-such-framework"]) {
    const stream = client.wholeStream(name, { frameworkName });
    await within(stream.connected, { what: "the head of the answer" });
    const first = await stream.nextAny();
    expect(first.progress).toMatchObject({ snapshotEnd: true });
    expect(first.frameworkName).toBe("");
    stream.cancel();
  }
});

test("SIGTERM ends it at once while it waits for a master that says nothing", async () => {
  const running = await bridge();
  const client = cleanup.use(new BridgeClient(running.address));
  const scheduler = client.subscribe(framework);
  await scheduler.next(({ event }) => event?.$case === "opened", { what: "Opened" });
  await master.requests.next();
  const started = performance.now();
  running.process.signal("SIGTERM");
  expect(await scheduler.ending()).toMatchObject({ reason: "BRIDGE_SHUTTING_DOWN" });
  expect(await within(running.process.exited)).toEqual({ code: 0, signal: null });
  expect(performance.now() - started).toBeLessThan(4_000);
});

const masters: [name: string, answer: ((connection: FakeConnection) => void) | undefined, log: RegExp][] = [
  ["is not there", undefined, /nothing listens at 127\.0\.0\.1:\d+/],
  ["answers garbage", (connection) => connection.write("garbage\r\n\r\n"), /does not speak HTTP/],
  ["resets connections", (connection) => connection.reset(), /127\.0\.0\.1:\d+.*(broke|ECONNRESET|other side closed)/],
  [
    "is a web server",
    (connection) => connection.answer(200, "<html></html>", { "Content-Type": "text/html" }),
    /is not a Mesos master/,
  ],
  ["knows no such path", (connection) => connection.answer(404, "not here"), /is not a Mesos master/],
];
test.each(masters)("a master that %s: stays up, is not healthy, and says what it sees", async (_, answer, seen) => {
  if (answer) answerWith(answer).catch(() => {});
  else await master.stop();
  const running = await bridge();
  const client = cleanup.use(new BridgeClient(running.address));
  const scheduler = client.subscribe(framework);
  const opened = await scheduler.next(({ event }) => event?.$case === "opened", { what: "Opened" });
  const changed = await scheduler.next(({ event }) => event?.$case === "linkChanged", { what: "LinkChanged" });
  expect(changed.event?.$case === "linkChanged" && changed.event.value.reason).toMatch(
    answer ? /127\.0\.0\.1:\d+|not a Mesos master|redirect/ : seen,
  );
  for (const service of SERVICES) expect(await health(running.address, service)).toBe("NOT_SERVING");
  const line = await running.process.logged(/^.*no Mesos master.*$/m);
  expect(line[0]).toMatch(seen);
  const attachmentId = opened.event?.$case === "opened" ? opened.event.value.attachmentId : "";
  const revived = await client.call("reviveOffers", { header: { frameworkName: "test", attachmentId } });
  expect(revived).toMatchObject({ code: "UNAVAILABLE", reason: "NO_MASTER", retryable: true });
  expect(running.process.log()).not.toMatch(/\bat .*:\d+:\d+/);
});

test("other machines may reach it only with --insecure, and then it warns once", async () => {
  const local = await bridge();
  expect(local.log()).not.toContain('"level":"warn"');
  const flags = ["--listen", "0.0.0.0:0"];
  await expect(startBridge({ master: master.host, flags })).rejects.toThrow(/--insecure/);
  const open = cleanup.use(await startBridge({ master: master.host, flags: [...flags, "--insecure"] }));
  const port = open.address.split(":")[1];
  expect(await health(`127.0.0.1:${port}`)).toBe("NOT_SERVING");
  const [warning, ...more] = open.log().match(/^.*"level":"warn".*$/gm) ?? [];
  expect(JSON.parse(warning ?? "")).toMatchObject({ addresses: ["0.0.0.0"], port: Number(port) });
  expect(warning).toContain("does not authenticate its clients");
  expect(more).toEqual([]);
});

describe("a unix socket beside a port", () => {
  test("serves, and is there only while the bridge is", async () => {
    const path = join(await cleanup.tempDir(), "grpc.sock");
    const flags = ["--listen", "127.0.0.1:0", "--listen", `unix:${path}`];
    const both = cleanup.use(await startBridge({ master: master.host, flags }));
    expect(both.process.log().match(/^ready .*$/gm)).toEqual([`ready ${both.address}`, `ready unix:${path}`]);
    expect(await health(both.address)).toBe("NOT_SERVING");
    expect(await health(`unix:${path}`)).toBe("NOT_SERVING");
    const client = cleanup.use(new BridgeClient(`unix:${path}`));
    expect(await client.call("listFrameworks", {})).toMatchObject({ code: "OK" });
    await both.kill();
    expect(existsSync(path)).toBe(true);
    await both.restart();
    expect(await health(`unix:${path}`)).toBe("NOT_SERVING");
    const second = startBridge({ master: master.host, flags: ["--listen", `unix:${path}`] });
    await expect(second).rejects.toThrow(`--listen: unix:${path} is in use by another program`);
    await both.terminate();
    expect(existsSync(path)).toBe(false);
  });
});

test("two bridges don't share a data directory", async () => {
  const running = await bridge();
  const second = startBridge({ master: master.host, dataDir: running.dataDir });
  await expect(second).rejects.toThrow(/--data-dir: .* is in use/);
});
