import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DataDirInUseError } from "../../server/store/dataDirOwner.js";
import { HEAD_BYTES } from "../../server/store/logFormat.js";
import { LogStore } from "../../server/store/logStore.js";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { runCli } from "../support/cli.js";
import { deferred, eventually } from "../support/eventually.js";
import { Lines, record } from "../unit/store/samples.js";

const NO_MASTER = "127.0.0.1:1";
let cleanup: Cleanup;
let dataDir: string;
beforeEach(async () => {
  cleanup = new Cleanup();
  dataDir = join(await cleanup.tempDir(), "data");
});
afterEach(() => cleanup.run());

interface Opened {
  readonly store: LogStore;
  readonly lines: Lines;
  readonly takenOver: Promise<Error>;
}

async function open(): Promise<Opened> {
  const lines = new Lines();
  const takenOver = deferred<Error>();
  const store = await LogStore.open(dataDir, { log: lines, onTakenOver: takenOver.resolve });
  cleanup.defer(() => store.close());
  return { store, lines, takenOver: takenOver.promise };
}

const inDir = (pattern: RegExp) => readdirSync(dataDir).filter((name) => pattern.test(name));
const logs = () => inDir(/\.log/);
const removeAll = (pattern: RegExp) => {
  for (const name of inDir(pattern)) rmSync(join(dataDir, name));
};

/** That what stands in the directory is this. */
async function expectStored(...names: string[]): Promise<void> {
  const { store } = await open();
  expect(store.frameworks().map(({ frameworkName }) => frameworkName)).toEqual(names);
  await store.close();
}

describe("an owner whose socket was removed", () => {
  test("listens again, and is not taken for dead", async () => {
    const { store } = await open();
    removeAll(/\.sock$/);
    await expect(open()).rejects.toThrow(DataDirInUseError);
    await store.put(record("a"));
    await store.close();
    await expectStored("a");
  });

  test("and that is stopped loses the directory, notices when it wakes up, and ends with a line", async () => {
    const bridge = cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
    cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName: "before" }));
    bridge.process.signal("SIGSTOP");
    removeAll(/\.sock$/);
    const { store } = await open();
    await store.put(record("after"));
    const entries = () => readFileSync(join(dataDir, logs()[0] ?? "")).subarray(HEAD_BYTES);
    const before = entries();
    bridge.process.signal("SIGCONT");
    await eventually(() => bridge.log().includes("mesos-bridge: the data directory"));
    expect(bridge.log()).toMatch(
      /^mesos-bridge: the data directory \S+ can't be used any more: another process has taken it over$/m,
    );
    expect(logs()).toHaveLength(1);
    expect(entries().equals(before)).toBe(true);
    await store.put(record("later"));
    await store.close();
    await expectStored("after", "before", "later");
  });
});

describe("an owner whose claim was removed", () => {
  test("claims the directory again if nobody has it", async () => {
    const { store, lines } = await open();
    await store.put(record("a"));
    removeAll(/^owner-\d+$/);
    await store.put(record("b"));
    expect(lines.notable).toEqual([expect.stringMatching(/^error .*: the bridge's claim was deleted$/)]);
    await expect(open()).rejects.toThrow(DataDirInUseError);
    await store.close();
    await expectStored("a", "b");
  });

  test("and that has a successor tells nobody of a write that is lost", async () => {
    const first = await open();
    await first.store.put(record("a"));
    removeAll(/^owner-\d+$/);
    const second = await open();
    await expect(first.store.put(record("lost"))).rejects.toThrow("another process has taken it over");
    expect((await first.takenOver).message).toContain("another process has taken it over");
    await second.store.put(record("b"));
    first.store.putTasks("a", [{ taskId: "late", agentId: "x" }]);
    await first.store.close();
    await second.store.put(record("c"));
    await second.store.close();
    expect(second.lines.notable).toEqual([]);
    await expectStored("a", "b", "c");
  });

  test("notices a successor that has come and gone", async () => {
    const first = await open();
    await first.store.put(record("a"));
    removeAll(/^owner-\d+$/);
    await expectStored("a");
    await first.takenOver;
    await expect(first.store.put(record("lost"))).rejects.toThrow("another process has taken it over");
    await expectStored("a");
  });
});

describe("while the bridge runs", () => {
  test.each([
    ["its log is deleted", () => removeAll(/\.log$/)],
    ["all files are deleted", () => removeAll(/./)],
    ["the directory is deleted", () => rmSync(dataDir, { recursive: true })],
    ["the directory is moved away", () => renameSync(dataDir, `${dataDir}-away`)],
  ])("%s: it is written anew from memory, with a line", async (_, remove) => {
    const { store, lines } = await open();
    await store.put(record("a"));
    store.putTasks("a", [{ taskId: "1", agentId: "x" }]);
    remove();
    await store.put(record("b"));
    expect(lines.notable).toHaveLength(1);
    expect(lines.notable[0]).toMatch(
      /^error the log of frameworks is lost: it will be rewritten from memory: .*was deleted$/,
    );
    expect(lines.all).toContain("info the log of frameworks has been rewritten");
    await expect(open()).rejects.toThrow(DataDirInUseError);
    await store.close();
    const again = await open();
    expect(again.store.frameworks()).toEqual([record("a"), record("b")]);
    expect(again.store.tasks("a")).toEqual([{ taskId: "1", agentId: "x" }]);
  });

  test("what is deleted is noticed though nothing is written", async () => {
    const { store } = await open();
    await store.put(record("a"));
    rmSync(dataDir, { recursive: true });
    await eventually(() => inDir(/^frameworks-1\.log$/).length === 1, { what: "the log" });
    await store.close();
    await expectStored("a");
  });

  test("and its directory can't be made again: writes are refused with the reason, until it can", async () => {
    const { store, lines } = await open();
    await store.put(record("a"));
    rmSync(dataDir, { recursive: true });
    cpSync("/dev/null", dataDir, { force: true });
    await expect(store.put(record("b"))).rejects.toThrow(/ENOTDIR|is not a directory/);
    store.putTasks("a", [{ taskId: "1", agentId: "x" }]);
    rmSync(dataDir);
    await eventually(() => lines.all.includes("info the log of frameworks has been rewritten"));
    expect(lines.notable).toEqual([expect.stringMatching(/^error the log of frameworks is lost/)]);
    await store.put(record("b"));
    await store.close();
    await expectStored("a", "b");
  });

  test("and its directory can't be looked at: a write is refused, and is not there later", async () => {
    const { store } = await open();
    await store.put(record("a"));
    renameSync(dataDir, `${dataDir}-away`);
    symlinkSync(dataDir, dataDir);
    await expect(store.put(record("refused"))).rejects.toThrow("ELOOP");
    rmSync(dataDir);
    renameSync(`${dataDir}-away`, dataDir);
    await store.put(record("b"));
    await store.close();
    await expectStored("a", "b");
  });

  test("another directory is put in its place: it leaves that one alone", async () => {
    const first = await open();
    await first.store.put(record("a"));
    renameSync(dataDir, `${dataDir}-away`);
    const second = await open();
    await second.store.put(record("other"));
    await first.takenOver;
    await second.store.close();
    await first.store.close();
    await expectStored("other");
  });

  test("all files are deleted, and another bridge starts at once: it leaves that one alone", async () => {
    const first = await open();
    await first.store.put(record("a"));
    removeAll(/./);
    const second = await open();
    await second.store.put(record("other"));
    expect((await first.takenOver).message).toMatch(/another process has taken it over$/);
    await second.store.close();
    await expectStored("other");
  });

  test("a copy of its files is put in their place: it leaves it alone, and says what to do", async () => {
    const { store, takenOver } = await open();
    await store.put(record("a"));
    cpSync(dataDir, `${dataDir}-copy`, {
      recursive: true,
      filter: (source) => !source.endsWith(".sock"),
      verbatimSymlinks: true,
    });
    await store.put(record("b"));
    renameSync(dataDir, `${dataDir}-away`);
    renameSync(`${dataDir}-copy`, dataDir);
    expect((await takenOver).message).toMatch(
      /frameworks-1\.log was replaced\. Stop the bridge before you put a copy back$/,
    );
    await store.close();
    await expectStored("a");
  });
});

describe("a copy that is put back beside another log", () => {
  test.each([
    ["an older one", 1, 2, "new"],
    ["one with a higher number", 2, 1, "old"],
  ])("%s: the log that does not count is kept, with a line", async (_, number, other, counts) => {
    const write = async (name: string) => {
      const { store } = await open();
      await store.put(record(name));
      await store.close();
      const copy = join(dataDir, "..", name);
      renameSync(join(dataDir, logs()[0] ?? ""), copy);
      return copy;
    };
    const old = await write("old");
    renameSync(await write("new"), join(dataDir, `frameworks-${other}.log`));
    renameSync(old, join(dataDir, `frameworks-${number}.log`));
    const { store, lines } = await open();
    expect(store.frameworks().map(({ frameworkName }) => frameworkName)).toEqual([counts]);
    expect(lines.notable).toEqual([expect.stringMatching(/^warn a log beside a newer one is not used, and is kept/)]);
    await store.close();
    expect(logs().sort()).toEqual(["frameworks-1.log.superseded", "frameworks-3.log"]);
    renameSync(join(dataDir, "frameworks-1.log.superseded"), join(dataDir, "frameworks-4.log"));
    removeAll(/^frameworks-3\.log$/);
    await expectStored(counts === "new" ? "old" : "new");
  });
});

test("a copy of the directory that is made while the bridge writes can be used", async () => {
  const { store } = await open();
  const copies: string[] = [];
  for (let i = 0; i < 100; i++) {
    const put = store.put(record(`f-${String(i).padStart(3, "0")}`));
    if (i % 20 === 19) {
      const copy = `${dataDir}-copy-${i}`;
      mkdirSync(copy);
      for (const name of logs()) cpSync(join(dataDir, name), join(copy, name));
      copies.push(copy);
    }
    await put;
  }
  await store.close();
  for (const [n, copy] of copies.entries()) {
    dataDir = copy;
    const { store: copied } = await open();
    expect(copied.frameworks().length).toBeGreaterThanOrEqual(20 * (n + 1) - 1);
  }
});

test.each(["cp -a", "cp -r"])("a bridge runs on what %s makes of the directory of one that runs", async (command) => {
  for (const name of ["data", "a-rather-long-name-of-a-directory".repeat(3)]) {
    dataDir = join(await cleanup.tempDir(), name);
    const bridge = cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
    const { frameworkId } = cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName: "kept" }));
    expect(spawnSync("sh", ["-c", `${command} "$1" "$1-copy"`, "sh", dataDir]).status).toBe(0);
    const other = cleanup.use(await startBridge({ master: NO_MASTER, dataDir: `${dataDir}-copy` }));
    const request = { frameworkName: "kept", frameworkInfo: undefined };
    expect(cleanup.use(await BridgeScheduler.attach(other.address, request)).frameworkId).toBe(frameworkId);
  }
});

test("a claim with a socket elsewhere is short enough to need no room on a full disk", async () => {
  dataDir = join(dataDir, "a-rather-long-name-of-a-directory".repeat(3));
  await open();
  const [claim = ""] = inDir(/^owner-1$/).map((name) => readlinkSync(join(dataDir, name)));
  const [kind, pid, , socket = ""] = claim.split(":");
  expect(kind).toBe("bridge");
  // With the usual folder, the longest process id and an inode's number of 8 digits.
  const longest = claim.length - (pid?.length ?? 0) + 7 - socket.length + "/tmp/mb-12345678-12345678.sock".length;
  expect(socket).toMatch(/\/mb-[0-9a-f]{8}-\d+\.sock$/);
  expect(longest).toBeLessThan(60);
});

test("of many that start at the same time, again and again, one has it, and nothing is lost", async () => {
  for (let round = 0; round < 10; round++) {
    const tries = await Promise.allSettled([1, 2, 3, 4].map(() => open()));
    const winners = tries.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    expect(winners).toHaveLength(1);
    const { store } = winners[0] as Opened;
    await store.put(record(`f-${round}`));
    await store.close();
  }
  expect(inDir(/^owner/)).toEqual([]);
  await expectStored(...Array.from({ length: 10 }, (_, round) => `f-${round}`));
});

test("one that was slow to look finds the owner that came meanwhile", async () => {
  await (await open()).store.close();
  const left = join(dataDir, "owner-1");
  symlinkSync("bridge:1:1:owner-left.sock", left);
  // It waits: the socket may have been removed.
  const slow = open();
  const refused = expect(slow).rejects.toThrow(DataDirInUseError);
  await eventually(() => inDir(/\.sock$/).length === 1);
  // By then it has read the directory, and asks the socket now and then.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  rmSync(left);
  const { store } = await open();
  await refused;
  await store.put(record("a"));
});

test("list and show work beside a bridge that writes", async () => {
  const { store } = await open();
  const writing = (async () => {
    for (let i = 0; i < 500; i++) await store.put(record("a", { leaseMs: 1_000 * i }));
  })();
  for (let i = 0; i < 3; i++) {
    const listed = await runCli("frameworks", "list", "--data-dir", dataDir);
    expect(listed.stderr).toBe("");
    expect(listed.stdout).toContain("id of a");
  }
  await writing;
  expect(inDir(/^owner-\d+$/).map((name) => readlinkSync(join(dataDir, name)))).toEqual([
    expect.stringMatching(new RegExp(`^bridge:${process.pid}:\\d+:owner-[0-9a-f]{8}\\.sock$`)),
  ]);
});
