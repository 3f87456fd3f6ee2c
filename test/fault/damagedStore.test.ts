import { copyFileSync, renameSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LogStore } from "../../server/store/logStore.js";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { runCli } from "../support/cli.js";
import { info, record } from "../unit/store/samples.js";

const NO_MASTER = "127.0.0.1:1";
const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };

/** What a bridge does on a data directory that it can't use as it is: one line that says what to do, and status 1. */
describe("a bridge whose memory is damaged", () => {
  let cleanup = new Cleanup();
  let dataDir: string;
  beforeEach(async () => {
    cleanup = new Cleanup();
    dataDir = await cleanup.tempDir();
  });
  afterEach(() => cleanup.run());

  const run = (...args: string[]) => runCli(...args, "--data-dir", dataDir);
  const serve = () => run("serve", "--master", NO_MASTER, "--listen", "127.0.0.1:0");

  async function put(frameworkName: string, frameworkInfo: Uint8Array, infos = 1): Promise<void> {
    const store = await LogStore.open(dataDir, { log });
    for (let i = 0; i < infos; i++) {
      const name = infos === 1 ? frameworkName : `${frameworkName}-${i}`;
      await store.put(record(name, { frameworkId: `id-${i}`, frameworkInfo, suppressedRoles: [] }));
    }
    await store.close();
  }

  test.each([1, 2, 3])("its file has been cut off at %i quarters of it", async (quarters) => {
    await put("whole", info("u".repeat(3_000)), 40);
    const file = join(dataDir, "frameworks-1.log");
    const copy = join(await cleanup.tempDir(), "copy");
    copyFileSync(file, copy);
    truncateSync(file, Math.floor((statSync(file).size * quarters) / 4));
    const ended = await serve();
    expect(ended).toMatchObject({ status: 1, stdout: "" });
    expect(ended.stderr).toMatch(/^mesos-bridge: --data-dir: \S+ can't be used: \S+frameworks-1\.log is damaged: /);
    expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
    const list = await run("frameworks", "list");
    expect(list).toMatchObject({ status: 1, stdout: "" });
    expect(list.stderr).toMatch(
      /^mesos-bridge frameworks: --data-dir: \S+ can't be used: \S+frameworks-1\.log is damaged: /,
    );
    // What it says helps.
    renameSync(copy, file);
    const bridge = cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
    const request = { frameworkName: "whole-7", frameworkInfo: undefined };
    const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address, request));
    expect(scheduler.frameworkId).toBe("id-7");
  });

  test("a framework that it remembers can't be read: it is named, and can be forgotten", async () => {
    await put("good", info("root"));
    await put("bad", Buffer.from([0x0a, 0xff]));
    const ended = await serve();
    expect(ended).toMatchObject({ status: 1, stdout: "" });
    expect(ended.stderr).toMatch(
      /^mesos-bridge: --data-dir: what is remembered of the framework 'bad' can't be read: /m,
    );
    expect(ended.stderr).toContain(`'mesos-bridge frameworks forget bad --data-dir ${dataDir}'`);
    expect(ended.stderr).not.toContain("--listen");
    const list = await run("frameworks", "list");
    expect(list.stderr).toMatch(/^mesos-bridge frameworks: what is remembered of the framework 'bad' can't be read: /);
    expect((await run("frameworks", "forget", "bad")).status).toBe(0);
    const bridge = cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
    const request = { frameworkName: "good", frameworkInfo: undefined };
    cleanup.use(await BridgeScheduler.attach(bridge.address, request));
  });
});
