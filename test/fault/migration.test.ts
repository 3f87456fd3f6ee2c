import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
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
import { at } from "../support/paths.js";
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
      /^mesos-bridge: --data-dir: what is remembered of the framework 'bad' can't be read: its framework id is missing\. Put a copy of \S+ back, or forget it by 'mesos-bridge frameworks forget bad --data-dir \S+'$/m;
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
    leave();
    const later = Date.now() / 1000 + 60;
    utimesSync(file, later, later);
    expectOneLine(
      await serve(),
      /an older version of the bridge has written \S+frameworks\.mdb after \S+frameworks-1\.log: move away the one/,
    );
    chmodSync(file, 0o600);
    utimesSync(file, 1, 1);
    expect(await listed()).toHaveLength(3);
  });
});
