import { spawnSync } from "node:child_process";
import { readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Call_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { ExpiryPolicy } from "../../gen/mesosbridge/v1/scheduler.js";
import type { TaskRecord } from "../../server/session/frameworkStore.js";
import { LogStore } from "../../server/store/logStore.js";
import { AnsweringMaster } from "../support/answeringMaster.js";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { runCli } from "../support/cli.js";
import { eventually } from "../support/eventually.js";
import { frameworkInfo, unique } from "../support/messages.js";
import { fill, smallDisk } from "../support/smallDisk.js";
import { info, Lines, record } from "../unit/store/samples.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const remount = (folder: string, how: "ro" | "rw") => {
  expect(spawnSync("mount", ["-o", `remount,${how}`, folder]).stderr.toString()).toBe("");
};

async function open(dataDir: string, log = new Lines()): Promise<LogStore> {
  const store = await LogStore.open(dataDir, { log });
  cleanup.defer(() => store.close());
  return store;
}

/** The one line that tells of a disk that is full, and the one that tells of its end. */
const BEGAN = expect.stringMatching(/^error the data directory can't be written: what changes is kept .*ENOSPC/);
const OVER = "info the data directory can be written again, and all is stored";

const sorted = (tasks: TaskRecord[]) => tasks.sort((x, y) => (x.taskId < y.taskId ? -1 : 1));

describe("a bridge whose data directory is on a full disk", () => {
  test("what can't be remembered is refused, what runs goes on, and all is well once there is room", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const master = cleanup.use(await AnsweringMaster.start());
    const bridge = cleanup.use(await startBridge({ master: master.host, dataDir: join(disk, "data") }));
    const before = await cleanup.use(await BridgeScheduler.attach(bridge.address)).linked();
    const filler = join(disk, "filler");
    fill(filler);
    const large = { ...frameworkInfo(), hostname: "h".repeat(200_000) };
    const refused = cleanup.use(
      BridgeScheduler.start(bridge.address, { frameworkName: unique("large"), frameworkInfo: large }),
    );
    expect(await refused.stream.ending()).toMatchObject({ code: "UNAVAILABLE", reason: "STORE_UNAVAILABLE" });
    // The session that was there before works on.
    await before.ok("reviveOffers");
    rmSync(filler);
    const frameworkName = unique("room");
    const after = cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName, frameworkInfo: large }));
    await after.linked();
  });

  test("a client that comes back is attached, and one that is refused does not lose its lease", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const master = cleanup.use(await AnsweringMaster.start());
    const bridge = cleanup.use(await startBridge({ master: master.host, dataDir: join(disk, "data") }));
    const LEASE_MS = 1_000;
    const framework = {
      frameworkName: unique("kept"),
      frameworkInfo: frameworkInfo(),
      lease: { seconds: BigInt(LEASE_MS / 1_000), nanos: 0 },
      expiryPolicy: ExpiryPolicy.EXPIRY_POLICY_TEARDOWN,
    };
    const first = await cleanup.use(await BridgeScheduler.attach(bridge.address, framework)).linked();
    fill(join(disk, "filler"));
    first.stop();
    const back = await cleanup.use(await BridgeScheduler.attach(bridge.address, framework)).linked();
    expect(back.frameworkId).toBe(first.frameworkId);
    back.stop();
    const changed = { ...framework, frameworkInfo: { ...frameworkInfo(), hostname: "h".repeat(200_000) } };
    const began = performance.now();
    while (performance.now() - began < 2.5 * LEASE_MS) {
      const refused = cleanup.use(BridgeScheduler.start(bridge.address, changed));
      expect(await refused.stream.ending()).toMatchObject({ reason: "STORE_UNAVAILABLE" });
      refused.stop();
    }
    const again = cleanup.use(await BridgeScheduler.attach(bridge.address, framework));
    expect(again.frameworkId).toBe(first.frameworkId);
    expect(master.calls.all.map((request) => request.call().type)).not.toContain(Call_Type.TEARDOWN);
  });

  test("a new directory there: a line that says so", async (context) => {
    const disk = await smallDisk(cleanup, context);
    fill(join(disk, "filler"));
    const ended = await runCli(
      "serve",
      "--master",
      "127.0.0.1:1",
      "--listen",
      "127.0.0.1:0",
      "--data-dir",
      join(disk, "new"),
    );
    expect(ended).toMatchObject({ status: 1, stdout: "" });
    expect(ended.stderr).toMatch(
      /^mesos-bridge: --data-dir: \S+\/new can't be used: ENOSPC: no space left on device[^\n]*\n$/,
    );
  });

  test("a bridge that starts there goes on with what it remembers, and stores anew once there is room", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const dataDir = join(disk, "data");
    const store = await open(dataDir);
    await store.put(record("a", { frameworkInfo: info("u".repeat(20_000)) }));
    await store.close();
    const filler = join(disk, "filler");
    fill(filler);
    const lines = new Lines();
    const full = await open(dataDir, lines);
    expect(full.framework("a")).toBeDefined();
    expect(lines.notable).toEqual([expect.stringMatching(/^error the data directory can't be written: .*: ENOSPC/)]);
    await expect(full.put(record("b"))).rejects.toThrow("ENOSPC");
    rmSync(filler);
    await full.put(record("b"));
    expect(lines.notable).toHaveLength(1);
    expect(lines.all.at(-1)).toBe("info the log of frameworks has been rewritten");
    await full.close();
    expect((await open(dataDir)).frameworks()).toHaveLength(2);
  });
});

describe("a store on a full disk", () => {
  test("refuses exactly what is not in it then, at each size of what is written", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const dataDir = join(disk, "data");
    const filler = join(disk, "filler");
    const store = await open(dataDir);
    const stored = new Map<string, number>();
    let refused = 0;
    for (let i = 0; i < 200; i++) {
      if (i % 20 === 10) fill(filler);
      if (i % 20 === 0) rmSync(filler, { force: true });
      const name = `f-${i % 7}`;
      await store.put(record(name, { leaseMs: i, frameworkInfo: info("u".repeat((i * 37) % 3_000)) })).then(
        () => stored.set(name, i),
        (error: Error) => {
          expect(error.message).toContain("ENOSPC");
          refused++;
        },
      );
      expect(store.framework(name)?.leaseMs).toBe(stored.get(name));
    }
    expect(refused).toBeGreaterThan(20);
    await store.close();
    const lines = new Lines();
    rmSync(filler, { force: true });
    const again = await open(dataDir, lines);
    expect(lines.notable).toEqual([]);
    expect(new Map(again.frameworks().map((each) => [each.frameworkName, each.leaseMs]))).toEqual(
      new Map([...stored].sort()),
    );
  });

  test("keeps changes to tasks, one line each for the trouble and its end", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const dataDir = join(disk, "data");
    const filler = join(disk, "filler");
    const lines = new Lines();
    const store = await open(dataDir, lines);
    store.putTasks("a", [{ taskId: "before", agentId: "x" }]);
    await store.put(record("a"));
    fill(filler);
    for (let i = 0; i < 2_000; i++) {
      store.putTasks("a", [{ taskId: `task-${i}`, agentId: "agent".repeat(20) }]);
      if (i % 3 === 0) store.removeTask("a", `task-${i}`);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    store.removeTask("a", "before");
    const expected = sorted(store.tasks("a"));
    expect(expected).toHaveLength(1_333);
    await expect(store.put(record("large", { frameworkInfo: info("u".repeat(20_000)) }))).rejects.toThrow("ENOSPC");
    rmSync(filler);
    // By itself: nothing else is written.
    await eventually(() => lines.all.includes(OVER));
    expect(lines.notable).toEqual([BEGAN]);
    await store.close();
    const again = await open(dataDir);
    expect(sorted(again.tasks("a"))).toEqual(expected);
    expect(again.framework("large")).toBeUndefined();
  });

  test("tells of it once, though smaller writes work and what waits comes and goes", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const dataDir = join(disk, "data");
    const filler = join(disk, "filler");
    const lines = new Lines();
    const store = await open(dataDir, lines);
    const long = { frameworkInfo: info("u".repeat(20_000)) };
    await store.put(record("a"));
    fill(filler);
    let works = 0;
    for (let i = 0; i < 30; i++) {
      await expect(store.put(record("large", long))).rejects.toThrow("ENOSPC");
      await store.put(record("a", { leaseMs: i })).then(
        () => works++,
        () => {},
      );
      store.putTasks("a", [{ taskId: "t".repeat(5_000), agentId: "x" }]);
      await new Promise((resolve) => setImmediate(resolve));
      store.removeTask("a", "t".repeat(5_000));
    }
    expect(works).toBeGreaterThan(3);
    expect(lines.all).toEqual([BEGAN]);
    rmSync(filler);
    await store.put(record("a"));
    await store.put(record("large", long));
    expect(lines.all).toEqual([BEGAN, OVER]);
    // The next one is another.
    fill(filler);
    await expect(store.put(record("large", { ...long, leaseMs: 1 }))).rejects.toThrow("ENOSPC");
    expect(lines.all).toEqual([BEGAN, OVER, BEGAN]);
  });

  test("tells of its end when the record that waited longest is stored too", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const filler = join(disk, "filler");
    const lines = new Lines();
    const store = await open(join(disk, "data"), lines);
    const long = record("waits", { frameworkInfo: info("u".repeat(20_000)) });
    await store.put(record("a"));
    fill(filler);
    await expect(store.put(long)).rejects.toThrow("ENOSPC");
    store.setOverdue("waits", true);
    rmSync(filler);
    await store.put({ ...long, frameworkName: "other" });
    expect(lines.all).toEqual([BEGAN]);
    await store.put({ ...long, leaseMs: 1 });
    store.setOverdue("waits", false);
    await eventually(() => lines.all.length > 1);
    expect(lines.all).toEqual([BEGAN, OVER]);
  });

  test("that is closed there says what is lost", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const dataDir = join(disk, "data");
    const store = await LogStore.open(dataDir, { log: new Lines() });
    await store.put(record("a"));
    fill(join(disk, "filler"));
    for (let i = 0; i < 3; i++) store.putTasks("a", [{ taskId: `${i}`.padEnd(5_000), agentId: "x" }]);
    await expect(store.put(record("b", { frameworkInfo: info("u".repeat(20_000)) }))).rejects.toThrow("ENOSPC");
    store.setOverdue("b", true);
    await expect(store.close()).rejects.toThrow(
      /^what is known of 1 framework and 3 tasks is not stored, and lost with this process: the data directory \S+ can't be written: ENOSPC/,
    );
    expect((await open(dataDir)).frameworks()).toEqual([record("a")]);
  });

  test("tasks that come and go while it is full leave nothing behind", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const dataDir = join(disk, "data");
    const lines = new Lines();
    const store = await open(dataDir, lines);
    await store.put(record("a"));
    const file = join(dataDir, "frameworks-1.log");
    fill(join(disk, "filler"));
    store.putTasks("a", [{ taskId: "t".repeat(5_000), agentId: "x" }]);
    await eventually(() => lines.notable.length > 0);
    store.removeTask("a", "t".repeat(5_000));
    rmSync(join(disk, "filler"));
    const before = statSync(file).size;
    await store.put(record("b"));
    expect(statSync(file).size - before).toBeLessThan(200);
  });

  test("tasks whose commit is refused are as before, and a later commit succeeds", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const dataDir = join(disk, "data");
    const filler = join(disk, "filler");
    const store = await open(dataDir);
    const known = { taskId: "1", agentId: "x", cookie: Buffer.from("known") };
    await store.commit("a", { putTasks: [known] });
    fill(filler);
    const large = { taskId: "2", agentId: "x", cookie: Buffer.alloc(50_000, 1) };
    const changed = { ...known, cookie: Buffer.alloc(50_000, 2) };
    await expect(store.commit("a", { putTasks: [large, changed] })).rejects.toThrow("ENOSPC");
    expect(store.tasks("a")).toEqual([known]);
    rmSync(filler);
    await store.commit("a", { putTasks: [large] });
    await store.close();
    expect(sorted((await open(dataDir)).tasks("a"))).toEqual([known, large]);
  });

  test("state whose commit is refused is as before, in the file too, and a later commit succeeds", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const dataDir = join(disk, "data");
    const filler = join(disk, "filler");
    const store = await open(dataDir);
    const known = { key: "k", value: Buffer.from("known"), version: 1 };
    await store.commit("a", { state: [{ put: known }] });
    fill(filler);
    const large = { key: "k", value: Buffer.alloc(50_000, 1), version: 2 };
    const commit = store.commit("a", { state: [{ put: large }, { put: { ...large, key: "l" } }] });
    await expect(commit).rejects.toThrow("ENOSPC");
    expect([store.state("a").find("k"), store.state("a").size]).toEqual([known, 1]);
    rmSync(filler);
    await store.commit("a", { state: [{ put: { ...large, key: "m", version: 3 } }] });
    await store.close();
    const again = (await open(dataDir)).state("a");
    expect([again.find("k"), again.find("l"), again.find("m")?.version]).toEqual([known, undefined, 3]);
  });

  test("a framework whose removal or replacement is refused stays with its tasks", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const dataDir = join(disk, "data");
    const filler = join(disk, "filler");
    const store = await open(dataDir);
    const tasks = [{ taskId: "1", agentId: "x" }];
    await store.put(record("a"));
    store.putTasks("a", tasks);
    await store.put(record("b"));
    fill(filler);
    // Until the last page of the file is full too.
    for (let i = 0; i < 100; i++) await store.put(record("b", { leaseMs: i })).catch(() => {});
    const long = record("a", { frameworkInfo: info("u".repeat(5_000)) });
    await expect(store.replace(long, "tasks")).rejects.toThrow("ENOSPC");
    expect(store.tasks("a")).toEqual(tasks);
    rmSync(filler);
    await store.put(record("b"));
    await store.close();
    const again = await open(dataDir);
    expect(again.framework("a")).toEqual(record("a"));
    expect(again.tasks("a")).toEqual(tasks);
  });

  test("a compaction that finds no room is left, and does no harm", async (context) => {
    const disk = await smallDisk(cleanup, context);
    const dataDir = join(disk, "data");
    const lines = new Lines();
    const store = await LogStore.open(dataDir, { log: lines, minCompactionBytes: 1 });
    cleanup.defer(() => store.close());
    const filler = join(disk, "filler");
    fill(filler);
    // Room for the record once, and not for a copy of it.
    truncateSync(filler, statSync(filler).size - 450_000);
    await store.put(record("a", { frameworkInfo: info("u".repeat(300_000)) }));
    await eventually(() => lines.notable.length > 0);
    expect(lines.notable).toEqual([expect.stringMatching(/^warn the log of frameworks could not be compacted/)]);
    expect(readdirSync(dataDir).filter((name) => name.endsWith(".new"))).toEqual([]);
    await store.put(record("b"));
    await store.close();
    rmSync(filler);
    expect((await open(dataDir)).frameworks()).toHaveLength(2);
  });
});

test("a disk that is read-only: a line that says so, and what it holds can be listed", async (context) => {
  const disk = await smallDisk(cleanup, context);
  const dataDir = join(disk, "data");
  const store = await open(dataDir);
  await store.put(record("a"));
  await store.close();
  remount(disk, "ro");
  await expect(open(dataDir)).rejects.toThrow(/EROFS: read-only file system/);
  expect((await runCli("frameworks", "list", "--data-dir", dataDir)).stdout).toMatch(/^a +id of a +root/m);
  remount(disk, "rw");
  expect((await open(dataDir)).frameworks()).toHaveLength(1);
});
