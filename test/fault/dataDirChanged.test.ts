import {
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SYNCED_AT } from "../../server/store/logFormat.js";
import { LogStore } from "../../server/store/logStore.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { eventually } from "../support/eventually.js";
import { Lines, record } from "../unit/store/samples.js";

const NO_MASTER = "127.0.0.1:1";
let cleanup: Cleanup;
let dataDir: string;
let file: string;
beforeEach(async () => {
  cleanup = new Cleanup();
  dataDir = join(await cleanup.tempDir(), "data");
  file = join(dataDir, "frameworks-1.log");
});
afterEach(() => cleanup.run());

/** A store with a framework, a task of it, and another framework that a copy of the log does not have. */
async function openStore(): Promise<{ store: LogStore; lines: Lines }> {
  const lines = new Lines();
  const store = await LogStore.open(dataDir, { log: lines });
  await store.put(record("a"));
  store.putTasks("a", [{ taskId: "1", agentId: "x" }]);
  await store.put(record("b"));
  copyFileSync(file, `${dataDir}.copy`);
  await store.put(record("c"));
  await quiet();
  return { store, lines };
}

async function expectStored(...names: string[]): Promise<void> {
  const lines = new Lines();
  const store = await LogStore.open(dataDir, { log: lines });
  expect(lines.notable).toEqual([]);
  expect(store.frameworks().map(({ frameworkName }) => frameworkName)).toEqual(names);
  expect(store.tasks("a")).toEqual([{ taskId: "1", agentId: "x" }]);
  await store.close();
}

/** Resolves when the store has written all, and the next write to a file gets another time than that. */
async function quiet(): Promise<void> {
  const probe = `${dataDir}.probe`;
  await eventually(() => {
    writeFileSync(probe, "");
    const noted = Number(readFileSync(file).readBigUInt64LE(SYNCED_AT));
    const { size, mtimeMs } = statSync(file);
    return noted === size && statSync(probe).mtimeMs > mtimeMs;
  });
}

/** Puts bytes in the place of others, in the file that is there. */
function overwrite(at: number, bytes: Buffer): void {
  const content = readFileSync(file);
  bytes.copy(content, at);
  writeFileSync(file, content);
}

const middle = () => Math.floor(statSync(file).size / 2);
const LOST =
  /^error the log of frameworks is lost: it will be rewritten from memory: \S+frameworks-1\.log was changed by another process: /;
const expectOneLine = (lines: Lines) => {
  expect(lines.notable).toEqual([expect.stringMatching(LOST)]);
  expect(lines.all).toContain("info the log of frameworks has been rewritten");
};

describe("a log that somebody changes in place while the bridge runs", () => {
  const ofAnotherSize = [
    ["is emptied", () => truncateSync(file)],
    ["is cut by a few bytes", () => truncateSync(file, statSync(file).size - 10)],
    ["is overwritten by an older copy", () => copyFileSync(`${dataDir}.copy`, file)],
    ["gets bytes at its end", () => writeFileSync(file, "more", { flag: "a" })],
  ] as const;
  const withAnotherHead = [
    [
      "is overwritten by a file of the same size",
      () => writeFileSync(file, Buffer.alloc(statSync(file).size, "other ")),
    ],
  ] as const;
  const ofTheSameSize = [
    ["has other bytes in its middle", () => overwrite(middle(), Buffer.from("other bytes"))],
  ] as const;

  test.each([...ofAnotherSize, ...withAnotherHead])(
    "%s: the next write finds it, and nothing is lost",
    async (_, change) => {
      const { store, lines } = await openStore();
      change();
      await store.put(record("d"));
      expectOneLine(lines);
      await store.close();
      await expectStored("a", "b", "c", "d");
    },
  );

  test.each([...ofAnotherSize, ...withAnotherHead, ...ofTheSameSize])(
    "%s: that is found though nothing is written",
    async (_, change) => {
      const { store, lines } = await openStore();
      change();
      await eventually(() => lines.notable.length > 0);
      await store.close();
      expectOneLine(lines);
      await expectStored("a", "b", "c");
    },
  );

  test.each([...ofAnotherSize, ...withAnotherHead, ...ofTheSameSize])("%s: closing finds it", async (_, change) => {
    const { store, lines } = await openStore();
    change();
    await store.close();
    expectOneLine(lines);
    await expectStored("a", "b", "c");
  });

  test("again and again, amid writes: nothing is lost", async () => {
    const { store } = await openStore();
    const changes = [...ofAnotherSize, ...withAnotherHead, ...ofTheSameSize];
    for (let i = 0; i < 30; i++) {
      changes[i % changes.length]?.[1]();
      await store.put(record(`f-${i}`));
    }
    await store.close();
    const again = await LogStore.open(dataDir, { log: new Lines() });
    expect(again.frameworks()).toHaveLength(33);
    await again.close();
  });

  test("a write of the bridge's own, a touch or another mode are nothing to tell", async () => {
    const { store, lines } = await openStore();
    const { ino } = statSync(file);
    for (let i = 0; i < 20; i++) await store.put(record("d", { leaseMs: i }));
    const now = new Date();
    utimesSync(file, now, now);
    await store.put(record("e"));
    utimesSync(file, 1, 1);
    await store.close();
    expect(lines.notable).toEqual([]);
    expect(statSync(file, { throwIfNoEntry: false })?.ino).toBe(ino);
  });
});

describe("a bridge that ends when its data directory", () => {
  async function withTwo(): Promise<Bridge> {
    const bridge = cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
    for (const frameworkName of ["a", "b"])
      cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName }));
    return bridge;
  }

  async function end(bridge: Bridge): Promise<{ status: number | null; lines: string[] }> {
    bridge.process.signal("SIGTERM");
    const { code } = await bridge.process.exited;
    return { status: code, lines: bridge.log().trimEnd().split("\n") };
  }

  async function expectBoth(): Promise<void> {
    const store = await LogStore.open(dataDir, { log: new Lines() });
    expect(store.frameworks().map(({ frameworkName }) => frameworkName)).toEqual(["a", "b"]);
    await store.close();
  }

  const UNSAVED =
    /^mesos-bridge: what is known of 2 frameworks and 0 tasks is not stored, and lost with this process: the data directory \S+ can't be written: /;
  const replacements = [
    ["is a file", () => writeFileSync(dataDir, "")],
    ["is a symbolic link to itself", () => symlinkSync(dataDir, dataDir)],
  ] as const;

  test.each([
    ["was removed just before", () => rmSync(dataDir, { recursive: true })],
    ["was moved away just before", () => renameSync(dataDir, `${dataDir}-away`)],
    ["lost its log just before", () => rmSync(file)],
  ])("%s: it is written anew, with a line, and the status is 0", async (_, remove) => {
    const bridge = await withTwo();
    remove();
    const { status, lines } = await end(bridge);
    expect(status).toBe(0);
    expect(lines.filter((line) => line.includes("the log of frameworks is lost"))).toHaveLength(1);
    await expectBoth();
  });

  test.each(replacements)("%s: it says what is lost, and the status is 1", async (_, replace) => {
    const bridge = await withTwo();
    rmSync(dataDir, { recursive: true });
    replace();
    const { status, lines } = await end(bridge);
    expect(status).toBe(1);
    expect(lines.at(-1)).toMatch(UNSAVED);
  });

  test.each(replacements)("%s, which the bridge has found before: the same", async (_, replace) => {
    const bridge = await withTwo();
    rmSync(dataDir, { recursive: true });
    replace();
    await eventually(() => bridge.log().includes("the log of frameworks is lost"));
    const { status, lines } = await end(bridge);
    expect(status).toBe(1);
    expect(lines.at(-1)).toMatch(UNSAVED);
    expect(lines.filter((line) => line.includes('"level":"error"'))).toHaveLength(1);
  });

  test.each(replacements)("%s, and can be made again just before the end: all is stored", async (_, replace) => {
    const bridge = await withTwo();
    rmSync(dataDir, { recursive: true });
    replace();
    await eventually(() => bridge.log().includes("the log of frameworks is lost"));
    rmSync(dataDir);
    expect((await end(bridge)).status).toBe(0);
    await expectBoth();
  });
});
