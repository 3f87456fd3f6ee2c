import { chmodSync, cpSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { TaskRecord } from "../../../server/session/frameworkStore.js";
import { logPath } from "../../../server/store/fileNames.js";
import { KeptFrameworks } from "../../../server/store/keptFrameworks.js";
import { SYNCED_AT } from "../../../server/store/logFormat.js";
import { LogStore } from "../../../server/store/logStore.js";
import { startProcess } from "../../support/childProcess.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { at, root } from "../../support/paths.js";
import { info, Lines, record } from "../../unit/store/samples.js";

const cleanup = cleanupAfterAll();
let lines = new Lines();
let dataDir: string;

beforeEach(async () => {
  dataDir = await cleanup.tempDir();
  lines = new Lines();
});

async function open(dir = dataDir, minCompactionBytes = 1_000_000): Promise<LogStore> {
  const store = await LogStore.open(dir, { log: lines, minCompactionBytes });
  cleanup.defer(() => store.close());
  return store;
}

async function reopened(store: LogStore): Promise<LogStore> {
  await store.close();
  return open();
}

/** Waits until the log is shorter than what was written. A new log may have the inode of an earlier one. */
async function compacted(written: number): Promise<void> {
  await eventually(() => statSync(logPath(dataDir, 1)).size < written, { what: "a compaction" });
}

/** Numbers below what is asked for, the same ones in each run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

const sorted = (tasks: TaskRecord[]) => tasks.sort((x, y) => (x.taskId < y.taskId ? -1 : 1));

describe("frameworks", () => {
  test("survive a reopening as they were put", async () => {
    const store = await open();
    const records = [
      record("a"),
      record("b", {
        frameworkInfo: info("u".repeat(200_000)),
        offerConstraints: Buffer.from("constraints"),
        suppressedRoles: [],
        expiryPolicy: "teardown",
        open: false,
        detachedAtMs: 1_700_000_000_123,
      }),
    ];
    for (const each of records) await store.put(each);
    const again = await reopened(store);
    expect(again.frameworks()).toEqual(records);
    expect(again.framework("b")).toEqual(records[1]);
    expect(again.framework("c")).toBeUndefined();
  });

  test("the last put counts", async () => {
    const store = await open();
    await store.put(record("a", { frameworkId: "first" }));
    await store.put(record("a", { frameworkId: "second" }));
    expect((await reopened(store)).framework("a")?.frameworkId).toBe("second");
  });

  test("what was handed out does not change when others are put", async () => {
    const store = await open();
    await store.put(record("a", { frameworkInfo: Buffer.alloc(5_000, 1) }));
    const before = store.framework("a");
    for (let i = 0; i < 50; i++) await store.put(record("a", { frameworkInfo: Buffer.alloc(5_000, i) }));
    for (let i = 0; i < 50; i++) store.framework("a");
    expect(Buffer.from(before?.frameworkInfo ?? []).equals(Buffer.alloc(5_000, 1))).toBe(true);
  });

  test("any names and ids are kept apart", async () => {
    const store = await open();
    const odd = [
      "",
      " ",
      "a",
      "a ",
      "a/b",
      "a\nb",
      "\u0000",
      "\u0001",
      "a\u0000",
      "a\u0000b",
      "ä",
      "a\u0308",
      "日本",
      "😀",
      "x".repeat(255),
    ];
    for (const name of odd) {
      if (name !== "") await store.put(record(name));
      store.putTasks(
        name,
        odd.map((taskId) => ({ taskId, agentId: `${name} runs ${taskId}` })),
      );
    }
    const again = await reopened(store);
    expect(lines.notable).toEqual([]);
    for (const name of odd) {
      if (name !== "") expect(again.framework(name)).toEqual(record(name));
      const expected = odd.map((taskId) => ({ taskId, agentId: `${name} runs ${taskId}` }));
      expect(new Set(again.tasks(name).map((task) => JSON.stringify(task)))).toEqual(
        new Set(expected.map((task) => JSON.stringify(task))),
      );
    }
    expect(again.frameworks().length).toBe(odd.length - 1);
  });
});

describe("tasks", () => {
  test("come and go, and survive a reopening", async () => {
    const store = await open();
    store.putTasks("a", [
      { taskId: "1", agentId: "x" },
      { taskId: "2", agentId: "" },
    ]);
    store.putTasks("b", [{ taskId: "1", agentId: "z" }]);
    store.removeTask("a", "1");
    store.removeTask("a", "never heard of");
    store.putTasks("a", [{ taskId: "2", agentId: "y" }]);
    const again = await reopened(store);
    expect(again.tasks("a")).toEqual([{ taskId: "2", agentId: "y" }]);
    expect(again.tasks("b")).toEqual([{ taskId: "1", agentId: "z" }]);
    expect(again.tasks("c")).toEqual([]);
  });

  test("that end are in the file at once, and noted as on the disk soon", async () => {
    const store = await open();
    /** The log's size, and how much of it is noted as on the disk. */
    const look = () => {
      const log = readFileSync(logPath(dataDir, 1));
      return { size: log.length, synced: Number(log.readBigUInt64LE(SYNCED_AT)) };
    };
    store.putTasks("a", [
      { taskId: "1", agentId: "x" },
      { taskId: "2", agentId: "x" },
    ]);
    await store.put(record("a"));
    const before = await eventually(() => (look().synced === look().size ? look() : undefined), {
      what: "the note of the put",
    });
    store.removeTask("a", "1");
    const { size } = await eventually(() => (look().size > before.size ? look() : undefined), { what: "the removal" });
    await eventually(() => look().synced === size, { what: "the note of the removal" });
    expect((await reopened(store)).tasks("a")).toEqual([{ taskId: "2", agentId: "x" }]);
  });

  test("that are committed are on the disk with their cookies, whatever happens to the process", async () => {
    const store = await open();
    const tasks = [
      { taskId: "1", agentId: "x", cookie: Buffer.from([0, 255]) },
      { taskId: "2", agentId: "x" },
    ];
    await store.commit("a", { putTasks: tasks });
    // A copy is what a crash at this moment would leave.
    const copy = await cleanup.tempDir();
    cpSync(dataDir, copy, { recursive: true, filter: (file) => !lstatSync(file).isSocket() });
    expect((await open(copy)).tasks("a")).toEqual(tasks);
    await store.commitInTime("a", { removeTasks: ["1", "never heard of"] });
    const second = await cleanup.tempDir();
    cpSync(dataDir, second, { recursive: true, filter: (file) => !lstatSync(file).isSocket() });
    expect((await open(second)).tasks("a")).toEqual([{ taskId: "2", agentId: "x" }]);
  });

  test("keep their cookies when the log is compacted", async () => {
    const store = await open();
    const tasks = Array.from({ length: 20 }, (_, i) => ({
      taskId: String(i).padStart(2, "0"),
      agentId: "x",
      cookie: Buffer.alloc(100_000, i),
    }));
    await store.commit("a", { putTasks: tasks });
    for (let round = 0; round < 3; round++) {
      const changed = tasks.map((task) => ({ ...task, agentId: String(round) }));
      await store.commit("a", { putTasks: changed });
      await store.commit("a", { putTasks: tasks });
    }
    await compacted(7 * 20 * 100_000);
    expect(sorted((await reopened(store)).tasks("a"))).toEqual(tasks);
  });

  test("go with their framework, and no others do", async () => {
    const store = await open();
    for (const name of ["a", "ab", "b"]) {
      await store.put(record(name));
      store.putTasks(name, [
        { taskId: "1", agentId: "x" },
        { taskId: "\u{10ffff}", agentId: "x" },
      ]);
    }
    await store.remove("a");
    await store.remove("never heard of");
    const again = await reopened(store);
    expect(again.frameworks().map(({ frameworkName }) => frameworkName)).toEqual(["ab", "b"]);
    expect([again.tasks("a").length, again.tasks("ab").length, again.tasks("b").length]).toEqual([0, 2, 2]);
  });

  test("that were put just before go with their framework too", async () => {
    const store = await open();
    await store.put(record("a"));
    for (let i = 0; i < 200; i++) store.putTasks("a", [{ taskId: String(i), agentId: "x" }]);
    store.removeTask("a", "7");
    await store.remove("a");
    expect(store.tasks("a")).toEqual([]);
    expect((await reopened(store)).tasks("a")).toEqual([]);
    expect(lines.notable).toEqual([]);
  });

  test("are what a map of them would be", async () => {
    const step = fc.record({
      put: fc.boolean(),
      name: fc.constantFrom("a", "b"),
      task: fc.constantFrom("1", "2", "3"),
    });
    const store = await open();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        await Promise.all(["a", "b"].map((name) => store.remove(name)));
        const model = new Map<string, string>();
        for (const [i, { put, name, task }] of steps.entries()) {
          if (put) store.putTasks(name, [{ taskId: task, agentId: String(i) }]);
          else store.removeTask(name, task);
          if (put) model.set(`${name} ${task}`, String(i));
          else model.delete(`${name} ${task}`);
        }
        await store.put(record("b"));
        for (const name of ["a", "b"]) {
          const expected = [...model]
            .filter(([key]) => key.startsWith(name))
            .map(([key, agentId]) => ({ taskId: key.slice(2), agentId }));
          expect(sorted(store.tasks(name))).toEqual(sorted(expected));
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("state", () => {
  const entry = (key: string, value: string, version: number) => ({ key, value: Buffer.from(value), version });
  const put = (key: string, value: string, version: number) => ({ put: entry(key, value, version) });
  const stateOf = (store: LogStore) => {
    const state = store.state("a");
    return { version: state.version, entries: Array.from(state.keys(), (key) => state.find(key)) };
  };

  test("is on the disk in one write with the tasks of its commit", async () => {
    const store = await open();
    const tasks = [{ taskId: "1", agentId: "x" }];
    await store.commit("a", { putTasks: tasks, state: [put("k", "v", 1), put("empty", "", 1)] });
    const copy = await cleanup.tempDir();
    cpSync(dataDir, copy, { recursive: true, filter: (file) => !lstatSync(file).isSocket() });
    const again = await open(copy);
    expect(again.tasks("a")).toEqual(tasks);
    expect(stateOf(again)).toEqual({ version: 1, entries: [entry("k", "v", 1), entry("empty", "", 1)] });
    expect(again.contentBytes("a")).toEqual({ framework: 7, all: 7 });
  });

  test("keeps its last version when keys go, when the log is compacted, and when the framework is replaced", async () => {
    let store = await open();
    await store.put(record("a"));
    await store.commit("a", { state: [put("k", "v", 1), put("l", "w", 1)] });
    await store.commit("a", { state: [{ remove: "k" }, put("l", "x", 2)] });
    store = await reopened(store);
    expect(stateOf(store)).toEqual({ version: 2, entries: [entry("l", "x", 2)] });
    store.putTasks("a", [{ taskId: "1", agentId: "x" }]);
    await store.replace(record("a", { frameworkId: "another" }), "tasks");
    store = await reopened(store);
    expect(store.tasks("a")).toEqual([]);
    expect(stateOf(store)).toEqual({ version: 2, entries: [entry("l", "x", 2)] });
    await store.commit("a", { state: [{ remove: "l" }] });
    await store.replace(record("a", { frameworkId: "a third" }), "tasks");
    store = await reopened(store);
    expect(stateOf(store)).toEqual({ version: 2, entries: [] });
    await store.remove("a");
    store = await reopened(store);
    expect(stateOf(store)).toEqual({ version: 0, entries: [] });
  });

  test("is as it was when it is compacted while it changes", async () => {
    const store = await open();
    const large = "x".repeat(200_000);
    for (let version = 1; version <= 60; version++) {
      await store.commit("a", { state: [put(`k${version % 7}`, `${version}${large}`, version)] });
    }
    await compacted(60 * large.length);
    const before = stateOf(store);
    expect(before.entries.length).toBe(7);
    const after = stateOf(await reopened(store));
    const ordered = (entries: readonly unknown[]) => [...entries].sort(byVersion);
    expect([after.version, ordered(after.entries)]).toEqual([60, ordered(before.entries)]);
  });

  test("that is written anew without a pause does not let the log grow beyond what is promised", async () => {
    const store = await open();
    const [keys, bytes] = [40, 100_000];
    const value = "x".repeat(bytes);
    let largest = 0;
    for (let version = 1; version <= 600; version += 2) {
      const commits = [version, version + 1].map((one) =>
        store.commit("a", { state: [put(`k${one % keys}`, value, one)] }),
      );
      await Promise.all(commits);
      largest = Math.max(largest, statSync(logPath(dataDir, 1)).size);
    }
    expect(largest).toBeLessThan(8 * 1024 * 1024 + 4 * keys * bytes);
  });

  function byVersion(one: unknown, other: unknown): number {
    return (one as { version: number }).version - (other as { version: number }).version;
  }
});

describe("a crash", () => {
  /** The store and a program that uses it, as one text for a Node of its own. */
  function program(): string {
    const code = `
      import { LogStore } from ${JSON.stringify(at("server/store/logStore.ts"))};
      const info = (i) => Buffer.from([10, ...(i < 128 ? [i] : [128 | (i & 127), i >> 7]), ...Buffer.alloc(i, 97)]);
      const log = { debug() {}, info() {}, warn() {}, error(_, text) { console.log("error " + text); } };
      const store = await LogStore.open(process.env.DATA_DIR, { log, minCompactionBytes: 50_000 });
      for (let i = Number(process.env.FIRST); ; i++) {
        store.putTasks("framework", [{ taskId: "task-" + i, agentId: "agent" }]);
        await store.put({ frameworkName: "f-" + i, frameworkId: "id-" + i, frameworkInfo: info(i % 5000),
          suppressedRoles: [], offerConstraints: Buffer.alloc(0), leaseMs: 1, expiryPolicy: "disconnect", open: true,
          detachedAtMs: undefined });
        if (i % 2) {
          store.removeTask("framework", "task-" + i);
          await store.put({ ...store.framework("f-" + i), leaseMs: 2 });
        }
        process.stdout.write("put " + i + "\\n");
      }`;
    const stdin = { contents: code, resolveDir: root, loader: "ts" as const };
    const built = buildSync({
      stdin,
      bundle: true,
      // An argument of a process has at most 128 KiB.
      minify: true,
      write: false,
      format: "esm",
      platform: "node",
      packages: "external",
    });
    return built.outputFiles[0]?.text ?? "";
  }

  test("loses nothing that a put had resolved, at whatever moment it comes", { timeout: 60_000 }, async () => {
    const text = program();
    const put = new Set<number>();
    const dir = await cleanup.tempDir();
    for (let run = 0; run < 5; run++) {
      const first = run * 1_000;
      const child = cleanup.use(
        await startProcess({
          command: process.execPath,
          args: ["--input-type=module", "--eval", text],
          cwd: root,
          env: { ...process.env, DATA_DIR: dir, FIRST: String(first) },
          ready: new RegExp(`^put ${first + 20 + run * 17}$`, "m"),
        }),
      );
      await child.kill();
      expect(child.log()).not.toContain("error");
      for (const match of child.log().matchAll(/^put (\d+)$/gm)) put.add(Number(match[1]));
      const store = await open(dir);
      const tasks = new Set(store.tasks("framework").map(({ taskId }) => taskId));
      expect(put.size).toBeGreaterThan(20 * (run + 1));
      for (const i of put) {
        const frameworkInfo = info("a".repeat(i % 5000));
        expect(store.framework(`f-${i}`)).toMatchObject({ frameworkId: `id-${i}`, frameworkInfo });
        expect(tasks.has(`task-${i}`)).toBe(i % 2 === 0);
      }
      await store.close();
    }
  });
});

describe("a record that can't be used", () => {
  /** Puts what no check has seen, as a bridge of another version might have. */
  async function withBad(more: object): Promise<LogStore> {
    const store = await open();
    await store.put(record("good"));
    await store.put({ ...record("bad"), ...more });
    store.putTasks("bad", [{ taskId: "1", agentId: "a" }]);
    return reopened(store);
  }

  test.each([
    [{ frameworkId: "" }, /^the stored record of the framework 'bad' can't be read: its framework id is empty$/],
    [{ frameworkId: undefined }, /its framework id is missing$/],
    [{ frameworkInfo: Buffer.from([0x0a, 0xff]) }, /its FrameworkInfo: /],
    [{ expiryPolicy: "never" }, /its expiry policy is missing or unknown$/],
    [{ leaseMs: Number.NaN }, /its lease is missing$/],
    [{ leaseMs: -1 }, /its lease is negative$/],
    [{ open: undefined }, /whether it is open is missing$/],
  ])("with %j: it is named, kept as it is, and can be forgotten", async (more, message) => {
    let store = await withBad(more);
    for (let i = 0; i < 2; i++) {
      expect(store.unusable().map((error) => error.message)).toEqual([expect.stringMatching(message)]);
      expect(store.frameworks()).toEqual([record("good")]);
      expect(store.tasks("bad")).toEqual([{ taskId: "1", agentId: "a" }]);
      store = await reopened(store);
    }
    await store.remove("bad");
    store = await reopened(store);
    expect(store.unusable()).toEqual([]);
    expect(store.tasks("bad")).toEqual([]);
    expect(store.frameworks()).toEqual([record("good")]);
  });
});

describe("replace", () => {
  test("puts a record in the place of another one and of its tasks, at once", async () => {
    const store = await open();
    await store.put(record("a", { frameworkId: "old" }));
    store.putTasks("a", [{ taskId: "old", agentId: "x" }]);
    const replaced = store.replace(record("a", { frameworkId: "new" }), "tasks");
    store.putTasks("a", [{ taskId: "new", agentId: "y" }]);
    await replaced;
    const again = await reopened(store);
    expect(again.framework("a")).toEqual(record("a", { frameworkId: "new" }));
    expect(again.tasks("a")).toEqual([{ taskId: "new", agentId: "y" }]);
  });
});

describe("compaction", () => {
  test("keeps all, whatever changes meanwhile", async () => {
    const store = await open(undefined, 1);
    const files = new Set<number>();
    const model = new Map<string, Map<string, string>>();
    const replaced: Promise<void>[] = [];
    const random = seeded(7);
    for (let i = 0; i < 3_000 || files.size < 2; i++) {
      const name = `f-${random(20)}`;
      const tasks = model.get(name) ?? new Map<string, string>();
      const taskId = `t-${random(50)}`;
      const kind = random(20);
      if (kind === 0) {
        replaced.push(store.replace(record(name, { leaseMs: i }), "tasks"));
        model.set(name, new Map());
      } else if (kind < 13) {
        store.putTasks(name, [{ taskId, agentId: `${i}${"x".repeat(200)}` }]);
        model.set(name, tasks.set(taskId, `${i}${"x".repeat(200)}`));
      } else {
        store.removeTask(name, taskId);
        tasks.delete(taskId);
      }
      // Turns of many lengths.
      if (random(4) === 0) await new Promise((resolve) => setImmediate(resolve));
      files.add(statSync(join(dataDir, "frameworks-1.log")).ino);
    }
    await store.put(record("last"));
    await Promise.all(replaced);
    const again = await reopened(store);
    expect(lines.notable).toEqual([]);
    for (const [name, tasks] of model) {
      const expected = Array.from(tasks, ([taskId, agentId]) => ({ taskId, agentId }));
      expect(sorted(again.tasks(name))).toEqual(sorted(expected));
    }
  });

  test("makes a log short that only repeats itself", async () => {
    const store = await open(undefined, 10_000);
    for (let i = 0; i < 300; i++) await store.put(record("a", { leaseMs: i, frameworkInfo: info("u".repeat(500)) }));
    // 300 of them would be 180,000 bytes.
    await eventually(() => statSync(join(dataDir, "frameworks-1.log")).size < 30_000);
    expect((await reopened(store)).framework("a")?.leaseMs).toBe(299);
    expect(readdirSync(dataDir).filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  test("of many tasks goes in pieces of bounded size", () => {
    const kept = new KeptFrameworks();
    for (let i = 0; i < 50_000; i++) kept.putTask("a", { taskId: `task-${i}`, agentId: "agent-".repeat(10) });
    const sizes = Array.from(kept.pieces(), ({ size }) => size);
    expect(Math.max(...sizes)).toBeLessThan(512 * 1024);
    expect(sizes.length).toBeGreaterThan(5);
  });
});

describe("the modes of files", () => {
  const modes = () =>
    readdirSync(dataDir).flatMap((name) => {
      const entry = lstatSync(join(dataDir, name));
      return entry.isFile() || entry.isSocket() ? [entry.mode & 0o777] : [];
    });

  test("let nobody but their owner read them, in a directory that is open to all", async () => {
    chmodSync(dataDir, 0o777);
    const store = await open(undefined, 1);
    for (let i = 0; i < 50; i++) await store.put(record("a", { leaseMs: i }));
    expect(new Set(modes())).toEqual(new Set([0o600]));
  });

  test("that are wider are narrowed, with a line", async () => {
    const store = await open();
    await store.put(record("a"));
    await store.close();
    chmodSync(join(dataDir, "frameworks-1.log"), 0o644);
    await open();
    expect(lines.notable).toEqual(["warn a file could be read by others; now only by its owner"]);
    expect(new Set(modes())).toEqual(new Set([0o600]));
  });
});

describe("a directory that can't be used", () => {
  test("a file in its place", async () => {
    const file = join(dataDir, "file");
    writeFileSync(file, "");
    await expect(open(file)).rejects.toThrow(/is not a directory$/);
    await expect(open(join(file, "below"))).rejects.toThrow(/is not a directory$|ENOTDIR/);
  });

  test("one that can't be made", async () => {
    await expect(open("/proc/no-such-directory")).rejects.toThrow(/ENOENT|EACCES|EPERM/);
  });

  test("one that can't be written", async () => {
    await expect(open("/proc/self/fd")).rejects.toThrow();
  });

  test("something else under the log's name", async () => {
    writeFileSync(join(dataDir, "frameworks-1.log"), Buffer.alloc(20_000, "not a log "));
    await expect(open()).rejects.toThrow(/frameworks-1.log is damaged: its head, at byte 0, /);
    // Whatever it was, it is still there, and nobody holds the directory.
    expect(readdirSync(dataDir)).toEqual(["frameworks-1.log"]);
    expect(readFileSync(join(dataDir, "frameworks-1.log")).length).toBe(20_000);
  });

  test("one that is missing is made, for its owner alone", async () => {
    const dir = join(dataDir, "not", "yet", "there");
    const store = await open(dir);
    await store.put(record("a"));
    expect(store.frameworks().length).toBe(1);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });
});
