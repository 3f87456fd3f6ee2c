import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TaskState } from "../../gen/mesos/v1/mesos.js";
import { readBackup } from "../../server/store/backupFile.js";
import { LogStore } from "../../server/store/logStore.js";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { runCli } from "../support/cli.js";
import { type EmbeddedMesos, startEmbeddedMesos } from "../support/embeddedMesos.js";
import { eventually } from "../support/eventually.js";
import { frameworkInfo, resources, task } from "../support/messages.js";
import { at } from "../support/paths.js";
import { fill, smallDisk } from "../support/smallDisk.js";
import { Lines, record } from "../unit/store/samples.js";

let cleanup: Cleanup;
let dir: string;
let file: string;
beforeEach(async () => {
  cleanup = new Cleanup();
  dir = await cleanup.tempDir();
  file = join(dir, "backup");
});
afterEach(() => cleanup.run());

const backup = (dataDir: string, output = file) => runCli("backup", "--data-dir", dataDir, "--output", output);
const restore = (dataDir: string) => runCli("restore", "--from", file, "--data-dir", dataDir);
const list = async (dataDir: string) => (await runCli("frameworks", "list", "--json", "--data-dir", dataDir)).stdout;

describe("a bridge that runs", () => {
  let mesos: EmbeddedMesos;
  beforeAll(async () => {
    mesos = await startEmbeddedMesos({ resources: "cpus:4;mem:4096" });
  });
  afterAll(() => mesos.stop());

  test("is backed up while clients attach and launch, and another bridge continues from the backup", async () => {
    const bridge = cleanup.use(await startBridge({ master: mesos.master }));
    const request = { frameworkName: "jobs", frameworkInfo: frameworkInfo() };
    const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address, request));
    const running = task(undefined, { taskId: { value: "running" }, command: { value: "sleep 100000" } });
    const offer = await scheduler.offer();
    const needs = resources("cpus:0.1;mem:32");
    await scheduler.launch(offer, { ...running, agentId: offer.agentId, resources: needs });
    await scheduler.updateTo("running", TaskState.TASK_RUNNING);

    let attached = 0;
    let stop = false;
    const load = (async () => {
      for (; !stop; attached++) {
        const other = await BridgeScheduler.attach(bridge.address, { frameworkName: `other-${attached}` });
        other.stop();
      }
    })();
    for (let i = 0; i < 3; i++) {
      const atLeast = attached;
      const output = `${file}-${i}`;
      expect(await backup(bridge.dataDir, output)).toMatchObject({ status: 0, stderr: "" });
      const { note, kept } = readBackup(output);
      expect(note.frameworks).toBeGreaterThan(atLeast);
      expect(kept.framework("jobs")?.frameworkId).toBe(scheduler.frameworkId);
      expect(kept.tasks("jobs").map(({ taskId }) => taskId)).toEqual(["running"]);
    }
    stop = true;
    await load;

    await bridge.kill();
    expect(await backup(bridge.dataDir)).toMatchObject({ status: 0, stderr: "" });
    const dataDir = join(dir, "restored");
    const restored = await restore(dataDir);
    expect(restored).toMatchObject({ status: 0, stderr: "" });
    expect(restored.stdout).toMatch(/^\d+ frameworks and 1 task are in .*FRAMEWORK_REMOVED.*frameworks import/s);
    expect(await list(dataDir)).toBe(await list(bridge.dataDir));
    expect(await restore(dataDir)).toEqual({
      status: 1,
      stdout: "",
      stderr: `mesos-bridge restore: --data-dir: ${dataDir} is not empty: name an empty or new directory, and give that to serve --data-dir\n`,
    });

    const next = cleanup.use(await startBridge({ master: mesos.master, dataDir }));
    const again = { frameworkName: "jobs", frameworkInfo: undefined };
    const continued = await cleanup.use(await BridgeScheduler.attach(next.address, again)).linked();
    expect(continued.frameworkId).toBe(scheduler.frameworkId);
    await continued.ok("reconcileTasks");
    await continued.updateTo("running", TaskState.TASK_RUNNING);
  });
});

describe("a large data directory", () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = join(dir, "data");
    const store = await LogStore.open(dataDir, { log: new Lines() });
    await store.put(record("jobs"));
    store.putTasks(
      "jobs",
      Array.from({ length: 100_000 }, (_, i) => ({ taskId: `task-${i}-of-many`, agentId: "agent" })),
    );
    await store.close();
  });

  test("has no incomplete backup, even if its making is killed", async () => {
    const args = ["backup", "--data-dir", dataDir, "--output", file];
    const making = spawn(process.execPath, [at("dist/server/main.js"), ...args], { stdio: "ignore" });
    const ended = once(making, "exit");
    await eventually(
      () => making.exitCode !== null || readdirSync(dir).some((name) => /^\.backup\..*\.new$/.test(name)),
    );
    making.kill("SIGKILL");
    await ended;
    if (existsSync(file)) expect(readBackup(file).note.tasks).toBe(100_000);
    else expect(await backup(dataDir)).toMatchObject({ status: 0, stderr: "" });
    expect(readBackup(file).note.tasks).toBe(100_000);
  });

  test("that does not fit on a disk leaves neither a backup nor a data directory there", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const failed = await backup(dataDir, join(disk, "backup"));
    expect(failed).toMatchObject({ status: 1, stdout: "" });
    expect(failed.stderr).toMatch(/^mesos-bridge backup: --output: ENOSPC[^\n]*\n$/);
    expect(readdirSync(disk)).toEqual([]);
    expect(await backup(dataDir)).toMatchObject({ status: 0 });
    const refused = await restore(join(disk, "data"));
    expect(refused.stderr).toMatch(/^mesos-bridge restore: --data-dir: ENOSPC[^\n]*\n$/);
    expect(readdirSync(join(disk, "data"))).toEqual([]);
    fill(join(disk, "other"));
    expect(await restore(join(disk, "data"))).toMatchObject({ status: 1, stdout: "" });
  });
});

test("what a bridge with LMDB left is backed up, and restored as the log of today", async () => {
  const dataDir = join(dir, "lmdb");
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, "frameworks.mdb"), gunzipSync(readFileSync(at("test/fixtures/frameworks.mdb.gz"))));
  expect(await backup(dataDir)).toMatchObject({ status: 0, stderr: "" });
  expect(readdirSync(dataDir)).toEqual(["frameworks.mdb"]);
  expect((await restore(join(dir, "data"))).stdout).toMatch(/^3 frameworks and 5 tasks are in /);
  expect(readdirSync(join(dir, "data"))).toEqual(["frameworks-1.log"]);
  expect(await list(join(dir, "data"))).toBe(await list(dataDir));
});

test("what is not a data directory, and what is not a backup, is told in one line", async () => {
  expect(await backup(join(dir, "none"))).toMatchObject({
    status: 1,
    stderr: `mesos-bridge backup: --data-dir: ${join(dir, "none")} is not the data directory of a bridge\n`,
  });
  const missing = await restore(join(dir, "data"));
  expect(missing.stderr).toMatch(/^mesos-bridge restore: --from: ENOENT[^\n]*\n$/);
  expect(existsSync(join(dir, "data"))).toBe(false);
  expect((await runCli("backup", "--data-dir", dir)).status).toBe(2);
});
