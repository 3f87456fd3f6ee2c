import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { open as openLmdb } from "lmdb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { type CliResult, runCli } from "../support/cli.js";
import { eventually } from "../support/eventually.js";
import { at } from "../support/paths.js";
import { fill, smallDisk } from "../support/smallDisk.js";
import { info, record } from "../unit/store/samples.js";

const NO_MASTER = "127.0.0.1:1";
let cleanup: Cleanup;
let dataDir: string;
let file: string;
beforeEach(async () => {
  cleanup = new Cleanup();
  dataDir = join(await cleanup.tempDir(), "data");
  mkdirSync(dataDir);
  file = join(dataDir, "frameworks.mdb");
});
afterEach(() => cleanup.run());

/** As version 0.1.0 left it, with three frameworks and five tasks. */
function leave(): void {
  writeFileSync(file, gunzipSync(readFileSync(at("test/fixtures/frameworks.mdb.gz"))), { mode: 0o600 });
}

const list = () => runCli("frameworks", "list", "--json", "--data-dir", dataDir);
const serve = () => runCli("serve", "--master", NO_MASTER, "--listen", "127.0.0.1:0", "--data-dir", dataDir);

async function listed(): Promise<readonly object[]> {
  const { stdout, stderr } = await list();
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

function expectOneLine({ status, stdout, stderr }: CliResult, line: RegExp): void {
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr.trimEnd()).toMatch(line);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
}

describe("a data directory of a bridge that kept frameworks in LMDB", () => {
  test("is listed as it is, and taken over by the next bridge", async () => {
    leave();
    chmodSync(file, 0o644);
    const before = await listed();
    expect(before).toMatchObject([
      {
        framework_name: "framework-0",
        user: "user0",
        state: "open",
        detached_since: "2023-11-14T22:13:20.000Z",
        tasks: 2,
      },
      { framework_name: "framework-1", framework_id: expect.stringMatching(/0001$/), state: "closed", tasks: 2 },
      { framework_name: "framework-2", expiry_policy: "disconnect", roles: ["role-a", "role-b"], tasks: 1 },
    ]);
    expect(existsSync(file)).toBe(true);
    const bridge = cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
    const request = { frameworkName: "framework-1", frameworkInfo: undefined };
    const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address, request));
    expect(scheduler.frameworkId).toMatch(/0001$/);
    await bridge.kill();
    const names = readdirSync(dataDir).filter((name) => name.startsWith("frameworks"));
    expect(names.sort()).toEqual(["frameworks-1.log", "frameworks.mdb.migrated"]);
    for (const name of names) expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
    expect((await listed()).map((each) => ({ ...each, state: 0, detached_since: 0, lease_seconds: 0 }))).toEqual(
      before.map((each) => ({ ...each, state: 0, detached_since: 0, lease_seconds: 0 })),
    );
  });

  test("is changed by forget and import as well", async () => {
    leave();
    expect((await runCli("frameworks", "forget", "framework-1", "--data-dir", dataDir)).stdout).toContain(
      "forgot framework-1",
    );
    expect(await listed()).toHaveLength(2);
    expect(existsSync(`${file}.migrated`)).toBe(true);
  });

  test.each([1, 2, 3])("whose file has been cut off at %i quarters of it: a line that says so", async (quarters) => {
    const root = openLmdb({ path: file, noSubdir: true, maxDbs: 8 });
    const frameworks = root.openDB({ name: "frameworks" });
    const large = { frameworkInfo: info("u".repeat(3_000)) };
    for (let i = 0; i < 40; i++) await frameworks.put(`f-${i}`, record(`f-${i}`, large));
    await root.close();
    chmodSync(file, 0o600);
    expect(await listed()).toHaveLength(40);
    truncateSync(file, Math.floor((statSync(file).size * quarters) / 4));
    expectOneLine(await serve(), /^mesos-bridge: --data-dir: \S+ can't be used: \S+frameworks\.mdb is damaged: /);
    expectOneLine(
      await list(),
      /^mesos-bridge frameworks: --data-dir: \S+ can't be used: \S+frameworks\.mdb is damaged: /,
    );
    expect(existsSync(file)).toBe(true);
  });

  test("whose file is none of LMDB's: a line that says so", async () => {
    writeFileSync(file, Buffer.alloc(20_000, "not a database "));
    expectOneLine(await serve(), /frameworks\.mdb is damaged: /);
    expect(statSync(file).size).toBe(20_000);
  });

  test("whose file is empty: a bridge that crashed at its first start", async () => {
    writeFileSync(file, "");
    expect(await listed()).toEqual([]);
  });

  test.each(["inside it", "elsewhere"])(
    "on which such a bridge runs, with its socket %s: a line that says by whom",
    async (where) => {
      leave();
      const path = where === "inside it" ? "owner-old.sock" : join(await cleanup.tempDir(), "owner-old.sock");
      const socket = createServer().listen(resolve(dataDir, path));
      cleanup.defer(() => socket.close());
      const root = openLmdb({ path: file, noSubdir: true, maxDbs: 8 });
      await root
        .openDB({ name: "owners" })
        .put("owner", { id: "1", what: "a bridge", pid: 4711, sinceMs: 1, socket: path });
      await root.close();
      expectOneLine(await serve(), /is in use by a bridge of an older version \(process 4711\): stop it first$/);
      expect(existsSync(file)).toBe(true);
    },
  );

  test("with a record that can't be used: it is named, and nothing is lost", async () => {
    const root = openLmdb({ path: file, noSubdir: true, maxDbs: 8 });
    const frameworks = root.openDB<object, string>({ name: "frameworks" });
    await frameworks.put("good", record("good"));
    const { frameworkId: _, ...without } = record("bad");
    await frameworks.put("bad", without);
    await root.close();
    chmodSync(file, 0o600);
    const unusable =
      /^mesos-bridge: --data-dir: the stored record of the framework 'bad' can't be read: its framework id is missing\. Restore a copy of \S+, or forget the framework with 'mesos-bridge frameworks forget bad --data-dir \S+'$/m;
    expect((await serve()).stderr).toMatch(unusable);
    // By now it has been migrated.
    expectOneLine(await serve(), unusable);
    expect((await runCli("frameworks", "forget", "bad", "--data-dir", dataDir)).stdout).toBe(
      "forgot bad, whose record could not be read\n",
    );
    expect(await listed()).toMatchObject([{ framework_name: "good" }]);
  });

  test("that an older bridge has used again: nobody guesses which of the files counts", async () => {
    leave();
    await cleanup.use(await startBridge({ master: NO_MASTER, dataDir })).stop();
    // Also if the log was written after it.
    for (const time of [1, Date.now() / 1000 + 60]) {
      leave();
      utimesSync(file, time, time);
      const line =
        /an older version of the bridge has written \S+frameworks\.mdb beside \S+frameworks-1\.log: stop it, and move away the one/;
      expectOneLine(await serve(), line);
      expectOneLine(await list(), line);
      rmSync(file);
    }
    expect(await listed()).toHaveLength(3);
  });

  test("that an older bridge uses at the same time: a line says so within a second", async () => {
    const bridge = cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
    leave();
    await eventually(() =>
      bridge.log().includes("an older version of the bridge writes to the data directory as well"),
    );
  });

  test("whose log is moved away, so that the older file counts again: what was migrated before is kept", async () => {
    leave();
    await cleanup.use(await startBridge({ master: NO_MASTER, dataDir })).stop();
    writeFileSync(`${file}.migrated`, "first");
    rmSync(join(dataDir, "frameworks-1.log"));
    leave();
    await cleanup.use(await startBridge({ master: NO_MASTER, dataDir })).stop();
    expect(readFileSync(`${file}.migrated`, "utf8")).toBe("first");
    expect(existsSync(`${file}.migrated-2`)).toBe(true);
    expect(await listed()).toHaveLength(3);
  });

  test("whose migration a crash has cut short is migrated by the next bridge", async () => {
    leave();
    renameSync(file, `${file}.migrating`);
    expect(await listed()).toHaveLength(3);
    await cleanup.use(await startBridge({ master: NO_MASTER, dataDir })).stop();
    expect(readdirSync(dataDir).sort()).toEqual(["frameworks-1.log", "frameworks.mdb.migrated"]);
    // Just before the last step.
    renameSync(`${file}.migrated`, `${file}.migrating`);
    await cleanup.use(await startBridge({ master: NO_MASTER, dataDir })).stop();
    expect(readdirSync(dataDir).sort()).toEqual(["frameworks-2.log", "frameworks.mdb.migrated"]);
    expect(await listed()).toHaveLength(3);
  });

  test("whose socket is missing, and whose process may be running: a line that says how to go on", async () => {
    leave();
    const root = openLmdb({ path: file, noSubdir: true, maxDbs: 8 });
    const path = join(dataDir, "owner-old.sock");
    const owner = { id: "1", what: "a bridge", pid: process.pid, sinceMs: 1, socket: "owner-old.sock" };
    await root.openDB({ name: "owners" }).put("owner", owner);
    await root.close();
    const { stderr, status } = await serve();
    expect(status).toBe(1);
    expect(stderr.trimEnd()).toBe(
      `mesos-bridge: --data-dir: ${dataDir} may be in use by a bridge of an older version (process ${process.pid}), whose socket is missing: ` +
        `stop it first. If that process is another program, make an empty file ${path}`,
    );
    writeFileSync(path, "");
    await cleanup.use(await startBridge({ master: NO_MASTER, dataDir })).stop();
  });

  test.for([false, true])("on a full disk, with a lock file %j: it is listed and used", async (withLock, context) => {
    const disk = await smallDisk(cleanup, context);
    dataDir = join(disk, "data");
    mkdirSync(dataDir);
    file = join(dataDir, "frameworks.mdb");
    leave();
    if (withLock) writeFileSync(`${file}-lock`, "");
    fill(join(disk, "filler"));
    expect(await listed()).toHaveLength(3);
    const bridge = cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
    expect(bridge.log()).toContain("the data directory can't be written: what it holds is used");
    expect(existsSync(file)).toBe(true);
  });

  test("where a folder has the file's name: a line that says so, and not that it is damaged", async () => {
    mkdirSync(file);
    expectOneLine(await list(), /frameworks\.mdb can't be read: .*directory/i);
  });

  test("that this user may not read: a line that says so, and not that it is damaged", () => {
    leave();
    chmodSync(join(dataDir, ".."), 0o755);
    chmodSync(dataDir, 0o755);
    chmodSync(file, 0);
    const args = [at("dist/server/main.js"), "frameworks", "list", "--data-dir", dataDir];
    // Root may read it whatever its mode.
    const other = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const { stderr, status } = spawnSync(process.execPath, args, other);
    expect(status).toBe(1);
    expect(stderr.toString()).toMatch(/can't be used: EACCES: permission denied, \S+ '\S+frameworks\.mdb'\n$/);
  });
});
