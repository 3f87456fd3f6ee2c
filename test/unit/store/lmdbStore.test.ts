import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { FrameworkRecord } from "../../../server/session/frameworkStore.js";
import { LmdbStore } from "../../../server/store/lmdbStore.js";
import { startProcess } from "../../support/childProcess.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { at, root } from "../../support/paths.js";

const cleanup = cleanupAfterAll();
const errors: string[] = [];
const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: (_: object, message: string) => errors.push(message) };
let dataDir: string;

beforeEach(async () => {
  dataDir = await cleanup.tempDir();
  errors.length = 0;
});

function open(dir = dataDir): LmdbStore {
  const store = new LmdbStore(dir, log);
  cleanup.defer(() => store.close());
  return store;
}

async function reopened(store: LmdbStore): Promise<LmdbStore> {
  await store.close();
  return open();
}

function record(frameworkName: string, more: Partial<FrameworkRecord> = {}): FrameworkRecord {
  return {
    frameworkName,
    frameworkId: `id of ${frameworkName}`,
    frameworkInfo: Buffer.from([1, 2, 0, 255]),
    suppressedRoles: ["a", "b/c"],
    offerConstraints: Buffer.alloc(0),
    leaseMs: 60_000,
    expiryPolicy: "disconnect",
    open: true,
    detachedAtMs: undefined,
    ...more,
  };
}

describe("frameworks", () => {
  test("survive a reopening as they were put", async () => {
    const store = open();
    const records = [
      record("a"),
      record("b", {
        frameworkInfo: Buffer.alloc(200_000, 7),
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
    const store = open();
    await store.put(record("a", { frameworkId: "first" }));
    await store.put(record("a", { frameworkId: "second" }));
    expect((await reopened(store)).framework("a")?.frameworkId).toBe("second");
  });

  test("what was handed out does not change when others are put", async () => {
    const store = open();
    await store.put(record("a", { frameworkInfo: Buffer.alloc(5_000, 1) }));
    const before = store.framework("a");
    for (let i = 0; i < 50; i++) await store.put(record("a", { frameworkInfo: Buffer.alloc(5_000, i) }));
    for (let i = 0; i < 50; i++) store.framework("a");
    expect(Buffer.from(before?.frameworkInfo ?? []).equals(Buffer.alloc(5_000, 1))).toBe(true);
  });

  test("any names and ids are kept apart", async () => {
    const store = open();
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
    expect(errors).toEqual([]);
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
    const store = open();
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

  test("go with their framework, and no others do", async () => {
    const store = open();
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
    const store = open();
    await store.put(record("a"));
    for (let i = 0; i < 200; i++) store.putTasks("a", [{ taskId: String(i), agentId: "x" }]);
    store.removeTask("a", "7");
    await store.remove("a");
    expect(store.tasks("a")).toEqual([]);
    expect((await reopened(store)).tasks("a")).toEqual([]);
    expect(errors).toEqual([]);
  });

  test("one that can't be a key is logged, and the others are kept", async () => {
    const store = open();
    store.putTasks("a", [
      { taskId: "x".repeat(5_000), agentId: "x" },
      { taskId: "good", agentId: "x" },
    ]);
    store.removeTask("a", "x".repeat(5_000));
    expect((await reopened(store)).tasks("a")).toEqual([{ taskId: "good", agentId: "x" }]);
    expect(errors.length).toBeGreaterThan(0);
  });

  test("are what a map of them would be", async () => {
    const step = fc.record({
      put: fc.boolean(),
      name: fc.constantFrom("a", "b"),
      task: fc.constantFrom("1", "2", "3"),
    });
    const store = open();
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
          expect(store.tasks(name)).toEqual(expected.sort((x, y) => (x.taskId < y.taskId ? -1 : 1)));
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("a crash", () => {
  /** The store and a program that uses it, as one text for a Node of its own. */
  function program(): string {
    const code = `
      import { LmdbStore } from ${JSON.stringify(at("server/store/lmdbStore.ts"))};
      const log = { debug() {}, info() {}, warn() {}, error(_, text) { console.log("error " + text); } };
      const store = new LmdbStore(process.env.DATA_DIR, log);
      for (let i = 0; ; i++) {
        store.putTasks("framework", [{ taskId: "task-" + i, agentId: "agent" }]);
        await store.put({ frameworkName: "f-" + i, frameworkId: "id-" + i, frameworkInfo: Buffer.alloc(i % 5000, 1),
          suppressedRoles: [], offerConstraints: Buffer.alloc(0), leaseMs: 1, expiryPolicy: "disconnect", open: true,
          detachedAtMs: undefined });
        process.stdout.write("put " + i + "\\n");
      }`;
    const stdin = { contents: code, resolveDir: root, loader: "ts" as const };
    const built = buildSync({
      stdin,
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      packages: "external",
    });
    return built.outputFiles[0]?.text ?? "";
  }

  test("loses nothing that a put had resolved, at whatever moment it comes", async () => {
    const text = program();
    for (let run = 0; run < 3; run++) {
      const dir = await cleanup.tempDir();
      const child = cleanup.use(
        await startProcess({
          command: process.execPath,
          args: ["--input-type=module", "--eval", text],
          cwd: root,
          env: { ...process.env, DATA_DIR: dir },
          ready: new RegExp(`^put ${20 + run * 7}$`, "m"),
        }),
      );
      await child.kill();
      const puts = [...child.log().matchAll(/^put (\d+)$/gm)].map((match) => Number(match[1]));
      expect(child.log()).not.toContain("error");
      const store = open(dir);
      const kept = new Map(store.frameworks().map((each) => [each.frameworkName, each]));
      const tasks = new Set(store.tasks("framework").map(({ taskId }) => taskId));
      expect(puts.length).toBeGreaterThan(20);
      for (const i of puts) {
        expect(kept.get(`f-${i}`)).toMatchObject({ frameworkId: `id-${i}`, frameworkInfo: Buffer.alloc(i % 5000, 1) });
        expect(tasks.has(`task-${i}`)).toBe(true);
      }
    }
  });
});

describe("a directory that can't be used", () => {
  test("a file in its place", () => {
    const file = join(dataDir, "file");
    writeFileSync(file, "");
    expect(() => new LmdbStore(file, log)).toThrow(/is not a directory$/);
    expect(() => new LmdbStore(join(file, "below"), log)).toThrow(/is not a directory$|ENOTDIR/);
  });

  test("one that can't be made", () => {
    expect(() => new LmdbStore("/proc/no-such-directory", log)).toThrow(/ENOENT|EACCES|EPERM/);
  });

  test("one that can't be written", () => {
    expect(() => new LmdbStore("/proc/self/fd", log)).toThrow();
  });

  test("something else under the database's name", () => {
    writeFileSync(join(dataDir, "frameworks.mdb"), Buffer.alloc(20_000, "not a database "));
    expect(() => new LmdbStore(dataDir, log)).toThrow(/frameworks.mdb is not a database$/);
    // Whatever it was, it is still there.
    expect(readFileSync(join(dataDir, "frameworks.mdb")).length).toBe(20_000);
  });

  test("one that is missing is made, for its owner alone", async () => {
    const store = open(join(dataDir, "not", "yet", "there"));
    await store.put(record("a"));
    expect(store.frameworks().length).toBe(1);
  });
});
