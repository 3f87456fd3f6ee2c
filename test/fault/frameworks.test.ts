import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { TaskStatus_Reason } from "../../gen/mesos/v1/mesos.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { runCli } from "../support/cli.js";
import type { MesosCluster } from "../support/cluster.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { frameworkInfo, task } from "../support/messages.js";

const NO_MASTER = "127.0.0.1:1";
let each = new Cleanup();
let dataDir: string;
beforeEach(async () => {
  each = new Cleanup();
  dataDir = join(await each.tempDir(), "data");
});
afterEach(() => each.run());

const frameworks = (command: string, ...args: string[]) =>
  runCli("frameworks", command, ...args, "--data-dir", dataDir);

async function bridgeOn(master = NO_MASTER): Promise<Bridge> {
  const bridge = each.use(await startBridge({ master, dataDir }));
  onTestFailed(() => console.error(bridge.log()));
  return bridge;
}

const names = async () => (await readdir(dataDir)).filter((name) => name.endsWith(".sock"));

describe("one data directory for one bridge", () => {
  test("a second bridge is refused, with a line that says by whom", async () => {
    const bridge = await bridgeOn();
    const second = await runCli("serve", "--master", NO_MASTER, "--data-dir", dataDir, "--listen", "127.0.0.1:0");
    expect(second.status).toBe(1);
    expect(second.stdout).toBe("");
    expect(second.stderr).toMatch(
      new RegExp(
        `^mesos-bridge: --data-dir: \\S+ is in use by a bridge \\(process ${bridge.process.pid}, since \\S+\\)`,
      ),
    );
    expect(second.stderr.trimEnd().split("\n")).toHaveLength(1);
    // The first one is none the worse.
    each.use(await BridgeScheduler.attach(bridge.address));
  });

  test("a bridge that is stopped in its tracks still holds it", async () => {
    const bridge = await bridgeOn();
    bridge.process.signal("SIGSTOP");
    try {
      expect((await frameworks("forget", "x")).stderr).toContain("is in use by a bridge");
    } finally {
      bridge.process.signal("SIGCONT");
    }
  });

  test("one that was killed holds nothing, nor one that ended", async () => {
    const bridge = await bridgeOn();
    await bridge.kill();
    expect(await names()).toHaveLength(1);
    await bridge.restart();
    expect(await names()).toHaveLength(1);
    await bridge.terminate();
    expect(await names()).toEqual([]);
    await bridgeOn();
  });

  test("of bridges that start at the same time on what a dead one left, one gets it", async () => {
    const dead = await bridgeOn();
    await dead.kill();
    const starts = await Promise.allSettled([1, 2, 3].map(() => startBridge({ master: NO_MASTER, dataDir })));
    const running = starts.flatMap((start) => (start.status === "fulfilled" ? [each.use(start.value)] : []));
    const refusals = starts.flatMap((start) => (start.status === "rejected" ? [String(start.reason)] : []));
    expect(running).toHaveLength(1);
    for (const refusal of refusals) expect(refusal).toContain("is in use by a bridge");
  });

  test("a path that is too long for a socket", async () => {
    dataDir = join(dataDir, "a-rather-long-name-of-a-directory".repeat(3), "data");
    await mkdir(dataDir, { recursive: true });
    await bridgeOn();
    expect((await frameworks("forget", "x")).stderr).toContain("is in use by a bridge");
  });
});

describe("what a bridge remembers", () => {
  const all = new Cleanup();
  let mesos: MesosCluster;
  beforeAll(async () => {
    mesos = all.use(await startEmbeddedMesos({ agents: 1 }));
  });
  afterAll(() => all.run());

  test("list and show, while the bridge runs and when it is gone", async () => {
    const bridge = await bridgeOn(mesos.master);
    const info = frameworkInfo({ user: "somebody" });
    const scheduler = each.use(
      await BridgeScheduler.attach(bridge.address, { frameworkName: "shown", frameworkInfo: info }),
    );
    await scheduler.linked();
    const offer = await scheduler.offer();
    const sleeping = task(offer.agentId, { command: { value: "sleep 100", shell: true, user: "root" } });
    await scheduler.launch(offer, sleeping);
    await scheduler.ok("putState", { key: "jobs/1", value: Buffer.from("a value") });
    const taskId = sleeping.taskId?.value ?? "";
    const agentId = offer.agentId?.value ?? "";
    const id = scheduler.frameworkId;

    const seen = { framework_name: "shown", framework_id: id, user: "somebody", roles: ["*"], state: "open" };
    const running = await frameworks("list", "--json");
    expect(JSON.parse(running.stdout)).toEqual([
      { ...seen, detached_since: null, lease_seconds: 60, expiry_policy: "disconnect", tasks: 1 },
    ]);
    await bridge.kill();
    const table = await frameworks("list");
    expect(table.stdout.split("\n")[0]).toMatch(/^NAME +ID +USER +ROLES +STATE +TASKS$/);
    expect(table.stdout.split("\n")[1]).toMatch(new RegExp(`^shown +${id} +somebody +\\* +open +1$`));
    expect(JSON.parse((await frameworks("show", "shown", "--json")).stdout)).toMatchObject({
      ...seen,
      framework_info: { user: "somebody", checkpoint: true },
      tasks: [{ task_id: taskId, agent_id: agentId }],
      keys: [{ key: "jobs/1", version: 1, bytes: 7 }],
    });
    const text = (await frameworks("show", "shown")).stdout;
    expect(text).toContain(`framework_id:     ${id}\n`);
    expect(text).toContain(`${taskId} on agent ${agentId}\n`);
    expect(text).toMatch(/^keys of state: {4}1\n {2}key: +jobs\/1, version 1, 7 bytes\n/m);
    expect(text).not.toContain("a value");
  });

  test("forget: the next client of that name gets another framework", async () => {
    const bridge = await bridgeOn(mesos.master);
    const first = await BridgeScheduler.attach(bridge.address, { frameworkName: "forgotten" });
    first.stop();
    const refused = await frameworks("forget", "forgotten");
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^mesos-bridge frameworks: \S+ is in use by a bridge \(process \d+, since /);
    await bridge.terminate();
    const forgotten = await frameworks("forget", "forgotten");
    expect(forgotten).toMatchObject({ status: 0, stderr: "" });
    expect(forgotten.stdout).toContain(first.frameworkId);
    expect(JSON.parse((await frameworks("list", "--json")).stdout)).toEqual([]);
    await bridge.restart();
    const next = each.use(await BridgeScheduler.attach(bridge.address, { frameworkName: "forgotten" }));
    expect(next.frameworkId).not.toBe(first.frameworkId);
  });

  test("import: a client takes over a framework of another bridge, with its tasks", async () => {
    const other = each.use(await startBridge({ master: mesos.master }));
    const before = await (await BridgeScheduler.attach(other.address)).linked();
    const offer = await before.offer();
    const sleeping = task(offer.agentId, { command: { value: "sleep 100", shell: true } });
    await before.launch(offer, sleeping);
    before.stop();
    await other.kill();

    const file = join(await each.tempDir(), "info.json");
    await writeFile(file, JSON.stringify({ ...INFO, id: { value: before.frameworkId } }));
    const imported = await frameworks("import", "taken", "--id", before.frameworkId, "--info", file);
    expect(imported).toMatchObject({ status: 0, stderr: "" });
    expect(imported.stdout).toBe(`imported taken with the framework id ${before.frameworkId}\n`);
    const bridge = await bridgeOn(mesos.master);
    // Without FrameworkInfo: what was imported is used.
    const request = { frameworkName: "taken", frameworkInfo: undefined };
    const after = await each.use(await BridgeScheduler.attach(bridge.address, request)).linked();
    expect(after.frameworkId).toBe(before.frameworkId);
    expect(after.opened.frameworkInfo).toMatchObject({
      user: "root",
      name: "taken",
      failoverTimeout: 60,
      roles: ["*"],
    });
    await after.ok("reconcileTasks", { tasks: [{ taskId: sleeping.taskId }] });
    // Updates that were owed before may come first.
    await after.mesos("update", ({ status }) => status?.reason === TaskStatus_Reason.REASON_RECONCILIATION);

    await bridge.terminate();
    const again = await frameworks("import", "taken", "--id", "another", "--user", "root");
    expect(again.stderr).toContain(`taken is already known, with the framework id ${before.frameworkId}`);
    const twice = await frameworks("import", "taken2", "--id", before.frameworkId, "--user", "root");
    expect(twice.stderr).toContain("already belongs to taken");
  });
});

const INFO = { user: "root", failover_timeout: 60, roles: ["*"], capabilities: [{ type: "MULTI_ROLE" }] };

describe("what is refused", () => {
  test.each([
    ["a directory of no bridge", ["list"], /is not the data directory of a bridge$/],
    ["forgetting there", ["forget", "x"], /is not the data directory of a bridge$/],
    ["an import without a user", ["import", "x", "--id", "1"], /--user is missing/],
    [
      "an id with spaces",
      ["import", "x", "--id", "a b", "--user", "root"],
      /--id: a framework id must not be empty or contain spaces/,
    ],
    ["a name that is none", ["import", "", "--id", "a", "--user", "root"], /<name>:? is required/],
    ["no id", ["import", "x", "--user", "root"], /required option '--id <id>' not specified/],
    ["a file that is not there", ["import", "x", "--id", "1", "--info", "/nowhere.json"], /nowhere.json can't be read/],
  ])("%s", async (_, [command = "", ...args], message) => {
    const { status, stdout, stderr } = await frameworks(command, ...args);
    expect({ status, stdout }).toEqual({ status: stderr.includes("required option") ? 2 : 1, stdout: "" });
    expect(stderr.trimEnd().split("\n")[0]).toMatch(message);
    // Looking, and what is refused, makes nothing.
    await expect(readdir(dataDir)).rejects.toThrow("ENOENT");
  });

  test.each([
    [{ ...INFO, rolez: ["a"] }, "FrameworkInfo does not have a field 'rolez'"],
    [{ ...INFO, capabilities: [{ type: "MULTI_ROLLE" }] }, "the field 'capabilities.0.type' can't be \"MULTI_ROLLE\""],
    [{ ...INFO, failover_timeout: "soon" }, "the field 'failover_timeout' can't be \"soon\""],
    [{ ...INFO, roles: "*" }, "FrameworkInfo does not have a field 'roles', or it has another type"],
    [{ ...INFO, id: { value: "2" } }, "--id is 1, but"],
    [[INFO], "does not contain a JSON object"],
    [{ ...INFO, roles: ["a/../b"] }, "framework_info.roles"],
  ])("a file with %j", async (json, message) => {
    const file = join(await each.tempDir(), "info.json");
    await writeFile(file, JSON.stringify(json));
    const { status, stderr } = await frameworks("import", "x", "--id", "1", "--info", file);
    expect(stderr).toContain(message);
    expect(status).toBe(1);
  });

  test("a framework that is not known", async () => {
    await frameworks("import", "known", "--id", "1", "--user", "root");
    for (const command of ["show", "forget"]) {
      const { status, stderr } = await frameworks(command, "unknown");
      expect(status).toBe(1);
      expect(stderr).toMatch(/^mesos-bridge frameworks: no framework unknown is known in \S+: known are known$/m);
    }
  });
});

test("the help has examples", async () => {
  const { stdout } = await runCli("frameworks", "--help");
  for (const command of ["list", "show", "forget", "import"]) {
    expect(stdout).toContain(`\n  mesos-bridge frameworks ${command} `);
  }
});
