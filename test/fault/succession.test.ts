import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import { Cleanup } from "../support/cleanup.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { at } from "../support/paths.js";

let cleanup: Cleanup;
let dataDir: string;
beforeEach(async () => {
  cleanup = new Cleanup();
  dataDir = join(await cleanup.tempDir(), "data");
});
afterEach(() => cleanup.run());

const WAITS = /"msg":"waiting for another bridge to end"/;
const NO_MASTER = "127.0.0.1:1";

/** Starts a bridge that has to wait, and gives it when it says so. */
async function waitingBridge(listen: string, master: string, patience: string): Promise<RunningProcess> {
  const flags = ["--master", master, "--listen", listen, "--data-dir", dataDir, "--wait-for-data-dir", patience];
  const process_ = await startProcess({
    command: process.execPath,
    args: [at("dist/server/main.js"), "serve", ...flags],
    ready: WAITS,
  });
  cleanup.defer(() => process_.kill());
  return process_;
}

describe("a bridge with --wait-for-data-dir", () => {
  test("that is started before the old one ends takes its directory, its port and its frameworks", async () => {
    const mesos = cleanup.use(await startEmbeddedMesos());
    const master = mesos.master.replace("http://", "");
    const old = cleanup.use(await startBridge({ master, dataDir }));
    const before = cleanup.use(await BridgeScheduler.attach(old.address, { frameworkName: "kept" }));
    const next = await waitingBridge(old.address, master, "60s");
    expect(next.log()).toMatch(/in use by a bridge \(process \d+, since /);
    await old.terminate();
    await next.logged(/^ready 127\.0\.0\.1:\d+$/m);
    const after = cleanup.use(await BridgeScheduler.attach(old.address, { frameworkName: "kept" }));
    expect(after.frameworkId).toBe(before.frameworkId);
    expect(next.log().match(new RegExp(WAITS, "g"))).toHaveLength(1);
  });

  test("says what is in use when its patience is over", async () => {
    const old = cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
    const next = await waitingBridge("127.0.0.1:0", NO_MASTER, "500ms");
    expect(await next.exited).toEqual({ code: 1, signal: null });
    expect(next.log()).toMatch(/^mesos-bridge: --data-dir: \S+ is in use by a bridge \(process \d+, since /m);
    expect(old.log()).not.toContain("another process has taken it over");
  });

  test("waits for the port as well", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    cleanup.defer(() => other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const next = await waitingBridge(`127.0.0.1:${port}`, NO_MASTER, "60s");
    expect(next.log()).toContain(`--listen: 127.0.0.1:${port} is in use by another program`);
    other.close();
    await next.logged(new RegExp(`^ready 127\\.0\\.0\\.1:${port}$`, "m"));
  });

  test("ends at once on SIGTERM while it waits, and the directory stays the other's", async () => {
    const old = cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
    const next = await waitingBridge("127.0.0.1:0", NO_MASTER, "60s");
    next.signal("SIGTERM");
    await next.exited;
    const attached = cleanup.use(await BridgeScheduler.attach(old.address, { frameworkName: "stored" }));
    expect(attached.opened.attachmentId).not.toBe("");
  });

  test("of two that wait one takes the place, and the other goes on waiting", async () => {
    const old = cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
    const waiting = await Promise.all([1, 2].map(() => waitingBridge("127.0.0.1:0", NO_MASTER, "60s")));
    await old.terminate();
    const ready = waiting.map((each) => each.logged(/^ready /m).then(() => each));
    const first = await Promise.any(ready);
    const second = waiting.find((each) => each !== first);
    expect(second?.log()).not.toContain("ready ");
    await first.stop();
    await Promise.all(ready);
  });
});
