import { spawnSync } from "node:child_process";
import { copyFileSync, renameSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LogStore } from "../../server/store/logStore.js";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { runCli } from "../support/cli.js";
import { at } from "../support/paths.js";
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
      /^mesos-bridge: --data-dir: the stored record of the framework 'bad' can't be read: /m,
    );
    expect(ended.stderr).toContain(`'mesos-bridge frameworks forget bad --data-dir ${dataDir}'`);
    expect(ended.stderr).not.toContain("--listen");
    const list = await run("frameworks", "list");
    expect(list.stderr).toMatch(/^mesos-bridge frameworks: the stored record of the framework 'bad' can't be read: /);
    expect((await run("frameworks", "forget", "bad")).status).toBe(0);
    const bridge = cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
    const request = { frameworkName: "good", frameworkInfo: undefined };
    cleanup.use(await BridgeScheduler.attach(bridge.address, request));
  });

  test("of several frameworks some can't be read: the others are listed, and what is said can be pasted into a shell", async () => {
    const odd = ["my framework", "it's", "-1", "$(touch x)", "a;b", "plain"];
    await put("good", info("root"));
    for (const name of odd) await put(name, Buffer.from([0x0a, 0xff]));
    const list = await run("frameworks", "list");
    expect(list.status).toBe(1);
    expect(list.stdout.split("\n").map((line) => line.split(" ")[0])).toEqual(["NAME", "good", ""]);
    const lines = list.stderr.trimEnd().split("\n");
    expect(lines).toHaveLength(odd.length);
    const json = await run("frameworks", "list", "--json");
    expect(json.status).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject([{ framework_name: "good" }]);
    expect((await run("frameworks", "show", "good")).status).toBe(0);
    expect((await run("frameworks", "show", "my framework")).stderr).toContain("frameworks forget 'my framework'");
    const ended = await serve();
    expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(ended.stderr).toContain(`(and 5 more: see 'mesos-bridge frameworks list --data-dir ${dataDir}')`);
    for (const line of lines) {
      const command = /forget the framework with ['`](mesos-bridge .*)['`]$/.exec(line)?.[1] ?? "false";
      const shell = `mesos-bridge() { ${process.execPath} ${at("dist/server/main.js")} "$@"; }; ${command}`;
      expect(spawnSync("bash", ["-c", shell], { cwd: dataDir }).stderr.toString()).toBe("");
    }
    expect(await run("frameworks", "list")).toMatchObject({ status: 0, stderr: "" });
  });

  test("two frameworks have the same id: a line that names both, until one is forgotten", async () => {
    const store = await LogStore.open(dataDir, { log });
    const shared = { frameworkId: "shared", suppressedRoles: [] };
    await store.put(record("one", shared));
    await store.put(record("the other", { ...shared, open: false }));
    await store.put(record("third", { suppressedRoles: [] }));
    await store.close();
    const problem =
      `the frameworks 'one' and 'the other' have the same framework id shared, which belongs to only one of them: keep that one, and ` +
      `forget the other with 'mesos-bridge frameworks forget one --data-dir ${dataDir}' or ` +
      `\`mesos-bridge frameworks forget 'the other' --data-dir ${dataDir}\``;
    expect(await serve()).toEqual({ status: 1, stdout: "", stderr: `mesos-bridge: --data-dir: ${problem}\n` });
    const list = await run("frameworks", "list");
    expect(list).toMatchObject({ status: 1, stderr: `mesos-bridge frameworks: ${problem}\n` });
    expect(list.stdout).toMatch(/^one .*\n(the other|third) .*\n(the other|third) /m);
    expect((await run("frameworks", "forget", "the other")).status).toBe(0);
    cleanup.use(await startBridge({ master: NO_MASTER, dataDir }));
  });

  test("import over a framework that can't be read takes none of its tasks, and no id that it has", async () => {
    const store = await LogStore.open(dataDir, { log });
    for (const name of ["bad", "worse"])
      await store.put(record(name, { frameworkId: `id-of-${name}`, leaseMs: Number.NaN }));
    store.putTasks("bad", [{ taskId: "1", agentId: "x" }]);
    await store.close();
    const taken = await run("frameworks", "import", "new", "--user", "root", "--id", "id-of-worse");
    expect(taken.stderr).toBe(
      "mesos-bridge frameworks: the framework id id-of-worse already belongs to worse: forget that first\n",
    );
    expect((await run("frameworks", "import", "bad", "--user", "root", "--id", "another")).status).toBe(0);
    expect(JSON.parse((await run("frameworks", "show", "bad", "--json")).stdout)).toMatchObject({
      framework_id: "another",
      tasks: [],
    });
    expect((await run("frameworks", "import", "worse", "--user", "root", "--id", "again")).status).toBe(0);
    expect(await run("frameworks", "list")).toMatchObject({ status: 0, stderr: "" });
  });
});
