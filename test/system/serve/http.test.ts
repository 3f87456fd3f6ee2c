import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Call_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeClient } from "../../support/bridgeClient.js";
import { Cleanup } from "../../support/cleanup.js";
import { deferred, eventually, within } from "../../support/eventually.js";
import { FakeMaster } from "../../support/fakeMaster.js";
import { health, healthIs } from "../../support/health.js";
import { open } from "../../support/http.js";

let cleanup: Cleanup;
let master: FakeMaster;

beforeEach(async () => {
  cleanup = new Cleanup();
  master = cleanup.use(await FakeMaster.start());
});

afterEach(() => cleanup.run());

/** Says to GET that a master leads, and takes subscriptions; it answers no other calls. */
async function beMesos(onCall: () => void = () => {}): Promise<void> {
  for (;;) {
    const { method, connection, call } = await master.requests.next({ timeoutMs: 60_000 });
    if (method === "GET") connection.answer(405, "", { Allow: "POST" });
    else if (call().type === Call_Type.SUBSCRIBE) {
      connection.openStream();
      connection.subscribed({ frameworkId: call().frameworkId?.value ?? "" });
    } else onCall();
  }
}

/** Attaches a client, and gives its attachment once the subscription stands. */
async function attached(client: BridgeClient): Promise<string> {
  const scheduler = client.subscribe({ frameworkName: "test", frameworkInfo: { user: "root", name: "test" } });
  const opened = await scheduler.next(({ event }) => event?.$case === "opened", { what: "Opened" });
  await scheduler.next(({ event }) => event?.$case === "mesos", { what: "SUBSCRIBED" });
  return opened.event?.$case === "opened" ? opened.event.value.attachmentId : "";
}

const httpOf = (bridge: Bridge) => /^http (\S+)$/m.exec(bridge.process.log())?.[1] ?? "";

async function probe(bridge: Bridge, path: string): Promise<string> {
  const answer = await open(`http://${httpOf(bridge)}${path}`, { method: "GET" });
  answer.setEncoding("utf8");
  let body = "";
  for await (const chunk of answer) body += chunk;
  return `${answer.statusCode} ${body.trim()}`;
}

test("a master that goes away makes the bridge not ready, and leaves it alive", async () => {
  beMesos().catch(() => {});
  const bridge = cleanup.use(await startBridge({ master: master.host, flags: ["--http", "127.0.0.1:0"] }));
  const lines = bridge.process.log().match(/^(ready|http) .*$/gm);
  expect(lines).toEqual([`ready ${bridge.address}`, `http ${httpOf(bridge)}`]);
  await attached(cleanup.use(new BridgeClient(bridge.address)));
  await healthIs(bridge.address, "SERVING");
  expect(await probe(bridge, "/readyz")).toBe("200 ready");
  expect(await probe(bridge, "/livez")).toBe("200 alive");
  expect(await health(bridge.address, "liveness")).toBe("SERVING");

  await master.stop();
  await healthIs(bridge.address, "NOT_SERVING", { timeoutMs: 30_000 });
  // The master's end may have broken a question off: then the next one finds nobody.
  await eventually(async () => {
    expect(await probe(bridge, "/readyz")).toBe(`503 no Mesos master: nothing listens at ${master.host}`);
    return true;
  });
  expect(await probe(bridge, "/livez")).toBe("200 alive");
  expect(await health(bridge.address, "liveness")).toBe("SERVING");
});

test("while it drains, it is alive and not ready, until its calls are answered", async () => {
  const called = deferred();
  beMesos(called.resolve).catch(() => {});
  const flags = ["--http", "127.0.0.1:0", "--drain-timeout", "3s"];
  const bridge = cleanup.use(await startBridge({ master: master.host, flags }));
  const client = cleanup.use(new BridgeClient(bridge.address));
  const header = { frameworkName: "test", attachmentId: await attached(client) };
  const unanswered = client.call("reviveOffers", { header });
  await within(called.promise, { what: "the call" });
  bridge.process.signal("SIGTERM");
  await eventually(async () => expect(await probe(bridge, "/readyz")).toBe("503 draining: the bridge is about to end"));
  expect(await probe(bridge, "/livez")).toBe("200 alive");
  expect(await unanswered).toMatchObject({ reason: "OUTCOME_UNKNOWN" });
  expect(await within(bridge.process.exited)).toEqual({ code: 0, signal: null });
});

test("it can be a unix socket, which is removed in the end", async () => {
  const path = join(await cleanup.tempDir(), "http.sock");
  const bridge = cleanup.use(await startBridge({ master: master.host, flags: ["--http", `unix:${path}`] }));
  expect(httpOf(bridge)).toBe(`unix:${path}`);
  expect(existsSync(path)).toBe(true);
  await bridge.terminate();
  expect(existsSync(path)).toBe(false);
});

test("an address that another program has is told, and the bridge does not start", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  cleanup.defer(() => other.close());
  await eventually(() => expect(other.listening).toBe(true));
  const address = other.address();
  const http = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const starting = startBridge({ master: master.host, flags: ["--http", http] });
  await expect(starting).rejects.toThrow(`--http: ${http} is in use by another program`);
});

test("an address that other machines reach is refused, with what to do", async () => {
  const starting = startBridge({ master: master.host, flags: ["--http", "0.0.0.0:0"] });
  await expect(starting).rejects.toThrow(/--http: 0\.0\.0\.0:0 is not a loopback address, .* add --insecure/);
});
