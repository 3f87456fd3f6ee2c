import { execFile } from "node:child_process";
import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, test } from "vitest";
import { checkDatabase } from "../../../server/store/checkDatabase.js";
import { LmdbStore } from "../../../server/store/lmdbStore.js";
import { startProcess } from "../../support/childProcess.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { root } from "../../support/paths.js";

const PAGE = 4096;
const FILE = "frameworks.mdb";
const DAMAGED = /frameworks\.mdb is damaged: .*Put a copy of it back; or move it away/;
const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };
const cleanup = cleanupAfterAll();
let dataDir: string;
beforeEach(async () => {
  dataDir = await cleanup.tempDir();
});

const fileIn = (dir: string) => join(dir, FILE);

function record(frameworkName: string, infoBytes: number) {
  return {
    frameworkName,
    frameworkId: `id of ${frameworkName}`,
    frameworkInfo: Buffer.alloc(infoBytes, 1),
    suppressedRoles: [],
    offerConstraints: Buffer.alloc(0),
    leaseMs: 1,
    expiryPolicy: "disconnect" as const,
    open: true,
    detachedAtMs: undefined,
  };
}

const tasks = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ taskId: `task-${from + i}`, agentId: "agent" }));

/** A store with small and large records, and with some pages that are free again. */
async function fill(dir: string): Promise<void> {
  const store = new LmdbStore(dir, log);
  for (let i = 0; i < 20; i++) await store.put(record(`f-${i}`, i % 4 === 0 ? 30_000 : 200));
  store.putTasks("f-1", tasks(0, 1_500));
  await store.put(record("f-x", 10));
  for (const { taskId } of tasks(1_000, 1_500)) store.removeTask("f-1", taskId);
  await store.remove("f-0");
  await store.close();
}

/** Opens the store in a process of its own, which a missing page would end, and reads all of it. */
async function readAll(dir: string): Promise<number> {
  const code = `
    import { open } from "lmdb";
    const root = open({ path: process.argv[1], noSubdir: true, maxDbs: 8 });
    let count = 0;
    for (const name of ["frameworks", "tasks"]) for (const _ of root.openDB({ name }).getRange({})) count++;
    console.log(count);
    await root.close();`;
  const args = ["--input-type=module", "--eval", code, fileIn(dir)];
  return Number((await promisify(execFile)(process.execPath, args, { cwd: root })).stdout);
}

test("a file that has been cut off anywhere is told from a whole one", { timeout: 60_000 }, async () => {
  await fill(dataDir);
  const whole = fileIn(dataDir);
  const { size } = statSync(whole);
  expect(size).toBeGreaterThan(40 * PAGE);
  checkDatabase(whole);
  const all = await readAll(dataDir);
  const harmless: number[] = [];
  for (let cut = PAGE; cut < size; cut += PAGE / 2) {
    const dir = await cleanup.tempDir();
    copyFileSync(whole, fileIn(dir));
    truncateSync(fileIn(dir), cut);
    try {
      checkDatabase(fileIn(dir));
      harmless.push(cut);
      // Only free pages are missing: nothing is lost.
      expect(await readAll(dir)).toBe(all);
    } catch (error) {
      expect((error as Error).message).toMatch(DAMAGED);
      expect(() => new LmdbStore(dir, log)).toThrow(DAMAGED);
    }
  }
  expect(harmless.length).toBeLessThan(20);
});

test.each([1, 27, 28, 200, PAGE - 1])("of the first page %i bytes are left", async (bytes) => {
  await fill(dataDir);
  truncateSync(fileIn(dataDir), bytes);
  expect(() => new LmdbStore(dataDir, log)).toThrow(/frameworks\.mdb is (not a database|damaged: )/);
});

test("a page that was overwritten is told", async () => {
  await fill(dataDir);
  const bytes = readFileSync(fileIn(dataDir));
  const found = Array.from({ length: bytes.length / PAGE - 2 }, (_, i) => {
    const changed = Buffer.from(bytes).fill(0, (i + 2) * PAGE, (i + 3) * PAGE);
    writeFileSync(fileIn(dataDir), changed);
    try {
      checkDatabase(fileIn(dataDir));
      return false;
    } catch (error) {
      expect((error as Error).message).toMatch(DAMAGED);
      return true;
    }
  });
  // Those that hold values alone, or nothing, can't be told.
  expect(found.filter((each) => each).length).toBeGreaterThan(5);
});

describe("a whole file", () => {
  test("that is empty: LMDB was interrupted when it made it", () => {
    writeFileSync(fileIn(dataDir), "");
    checkDatabase(fileIn(dataDir));
  });

  test("of any history passes, also where free pages at its end were never written", async () => {
    let shorter = 0;
    for (let round = 0; round < 12; round++) {
      const dir = await cleanup.tempDir();
      const store = new LmdbStore(dir, log);
      for (let step = 0; step < 12; step++) {
        const [from, count] = [Math.floor(Math.random() * 3_000), Math.floor(Math.random() * 3_000)];
        store.putTasks(`f-${step % 3}`, tasks(from, from + count));
        if (Math.random() < 0.6) for (const { taskId } of tasks(0, 6_000)) store.removeTask(`f-${step % 3}`, taskId);
        await store.put(record(`f-${step % 5}`, Math.floor(Math.random() * 20_000)));
        checkDatabase(fileIn(dir));
        if (statSync(fileIn(dir)).size / PAGE < lastPage(fileIn(dir)) + 1) shorter++;
      }
      await store.close();
      checkDatabase(fileIn(dir));
    }
    console.log(`files that end before their last page: ${shorter}`);
  });

  test("that another process writes to passes", async () => {
    const code = `
      import { open } from "lmdb";
      const root = open({ path: process.argv[1], noSubdir: true, maxDbs: 8, eventTurnBatching: false });
      const tasks = root.openDB({ name: "tasks" });
      console.log("ready");
      for (let i = 0; ; i++) {
        for (let k = 0; k < 50; k++) tasks.put("t-" + ((i * 37 + k * 11) % 2000), "x".repeat(k));
        for (let k = 0; k < 40; k++) tasks.remove("t-" + ((i * 29 + k * 13) % 2000));
        await root.committed;
      }`;
    const args = ["--input-type=module", "--eval", code, fileIn(dataDir)];
    cleanup.use(await startProcess({ command: process.execPath, args, cwd: root, ready: /^ready$/m }));
    for (const end = Date.now() + 3_000; Date.now() < end; ) checkDatabase(fileIn(dataDir));
  });
});

function lastPage(path: string): number {
  const bytes = readFileSync(path);
  const [first, second] = [0, PAGE].map((at) => [bytes.readBigUInt64LE(at + 152), bytes.readBigUInt64LE(at + 144)]);
  const [newest = []] = [first, second].sort((a, b) => ((a?.[0] ?? 0n) > (b?.[0] ?? 0n) ? -1 : 1));
  return Number(newest[1] ?? 0n);
}
