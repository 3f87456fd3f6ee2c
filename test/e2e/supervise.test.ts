import { readdirSync, readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TaskState } from "../../gen/mesos/v1/mesos.js";
import { LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import { Cleanup, cleanupAfterAll } from "../support/cleanup.js";
import { describeEachMesos, type MesosCluster } from "../support/cluster.js";
import { type EmbeddedMesos, startEmbeddedMesos } from "../support/embeddedMesos.js";
import { eventually } from "../support/eventually.js";
import { at } from "../support/paths.js";
import { processesOf } from "../support/processes.js";
import { SlowImages } from "../support/slowImages.js";

const small = { cpus: 0.1, mem: 32, backoffSeconds: 0.2 };
const program = at("dist/clients/typescript/supervise/main.js");

/** A supervisor with its file, at a bridge of others. */
class Supervision {
  readonly file: string;
  readonly name: string;
  readonly #bridge: string;
  readonly #cleanup: Cleanup;
  readonly #client: BridgeClient;

  private constructor(bridge: string, cleanup: Cleanup, folder: string) {
    this.#bridge = bridge;
    this.#cleanup = cleanup;
    this.file = join(folder, "apps.json");
    this.name = `supervise-${folder.slice(-6)}`;
    this.#client = cleanup.use(new BridgeClient(bridge));
  }

  static async create(bridge: string, cleanup: Cleanup): Promise<Supervision> {
    const supervision = new Supervision(bridge, cleanup, await cleanup.tempDir());
    cleanup.defer(() => supervision.end());
    return supervision;
  }

  /** Writes the file as editors do: all at once. */
  async define(...apps: object[]): Promise<void> {
    const text = JSON.stringify({ apps: apps.map((app) => ({ ...small, ...app })) });
    await writeFile(`${this.file}.new`, text);
    await rename(`${this.file}.new`, this.file);
  }

  async start(...args: string[]): Promise<RunningProcess> {
    const all = [program, "--bridge", this.#bridge, "--framework-name", this.name, ...args, this.file];
    return this.#cleanup.use(await startProcess({ command: process.execPath, args: all }));
  }

  /** The ids of its running tasks, as the bridge knows them. */
  async running(): Promise<string[]> {
    const { response } = await this.#client.call("listTasks", { frameworkName: this.name });
    const tasks = response?.tasks.filter(({ status }) => status?.state === TaskState.TASK_RUNNING) ?? [];
    return tasks.map(({ taskId }) => taskId?.value ?? "").sort();
  }

  /** The ids of its running tasks, once there are so many of each app, and no others. */
  async settled(wanted: Record<string, number>): Promise<string[]> {
    return eventually(
      async () => {
        const ids = await this.running();
        const counts: Record<string, number> = {};
        for (const id of ids) counts[id.split(".")[0] ?? ""] = (counts[id.split(".")[0] ?? ""] ?? 0) + 1;
        expect(counts).toEqual(wanted);
        return ids;
      },
      { what: `tasks ${JSON.stringify(wanted)}` },
    );
  }

  async frameworks(): Promise<string[]> {
    return (await this.#frameworks()).map(({ frameworkName }) => frameworkName);
  }

  /** Whether its framework is subscribed to a master. */
  async isLinked(): Promise<boolean> {
    const own = (await this.#frameworks()).find(({ frameworkName }) => frameworkName === this.name);
    return own?.linkState === LinkState.LINK_STATE_CONNECTED;
  }

  async #frameworks() {
    return (await this.#client.call("listFrameworks", {})).response?.frameworks ?? [];
  }

  /** Ends its tasks and its framework, if they are still there. */
  async end(): Promise<void> {
    if (!(await this.frameworks()).includes(this.name)) return;
    await this.define();
    const last = await this.start("--end-tasks");
    await last.logged(/^keeps /);
    last.signal("SIGTERM");
    await last.exited;
  }
}

/** What the tasks of a cluster wrote whose ids begin so. */
function logsOf({ workDir }: MesosCluster, prefix: string): string[] {
  return readdirSync(workDir, { recursive: true, withFileTypes: true })
    .filter(({ name, parentPath }) => name === "stderr" && parentPath.includes(`/executors/${prefix}`))
    .map(({ name, parentPath }) => readFileSync(join(parentPath, name), "utf8"));
}

const sleeper = { id: "sleeper", cmd: "sleep 1000", instances: 2 };

describeEachMesos("mesos-supervise", { agents: 2, flags: { allocation_interval: "100ms" } }, (mesos) => {
  let bridge: Bridge;
  let cleanup: Cleanup;
  let supervision: Supervision;
  beforeAll(async () => {
    bridge = await startBridge({ master: mesos().master });
  });
  afterAll(() => bridge?.stop());
  beforeEach(async ({ onTestFailed }) => {
    cleanup = new Cleanup();
    supervision = await Supervision.create(bridge.address, cleanup);
    onTestFailed(() => console.error(`what the bridge said:\n${bridge.log().slice(-4_000)}`));
  });
  afterEach(() => cleanup.run());

  it("goes on after kill -9 with what runs, takes changes, leaves its tasks, and ends them when told to", async () => {
    await supervision.define(sleeper);
    const first = await supervision.start();
    const before = await supervision.settled({ sleeper: 2 });
    expect(before[0]).toMatch(/^sleeper\.[0-9a-f]{8}\.0\.\d+$/);
    await first.kill();

    const second = await supervision.start();
    await second.logged(/sleeper\.0 runs as/);
    await second.logged(/sleeper\.1 runs as/);
    // What comes after that shows that nothing was launched before it.
    await supervision.define(sleeper, { id: "other", cmd: "sleep 1000" });
    const scaled = await supervision.settled({ sleeper: 2, other: 1 });
    expect(scaled).toEqual(expect.arrayContaining(before));
    expect(second.log()).not.toContain("sleeper.0 is launched");

    await writeFile(supervision.file, JSON.stringify({ ...sleeper, ...small, cpu: 1 }));
    await second.logged(/apps\.json: cpu: unknown field; what runs keeps running\n/);
    expect(await supervision.running()).toEqual(scaled);

    await supervision.define({ ...sleeper, instances: 3, cmd: "sleep 1001" });
    await eventually(async () => {
      const ids = await supervision.running();
      return ids.length === 3 && ids.every((id) => !scaled.includes(id));
    });
    const rolledOut = await supervision.settled({ sleeper: 3 });
    expect(new Set(rolledOut.map((id) => id.split(".")[1])).size).toBe(1);

    second.signal("SIGTERM");
    expect((await second.exited).code, second.log()).toBe(0);
    const third = await supervision.start("--end-tasks");
    await third.logged(/sleeper\.2 runs as/);
    expect(await supervision.running()).toEqual(rolledOut);
    third.signal("SIGINT");
    expect((await third.exited).code, third.log()).toBe(0);
    expect(third.log().match(/is killed: /g)?.length).toBe(3);
    expect(await supervision.frameworks()).not.toContain(supervision.name);
  });

  it("launches again what ends, and says in one line which constraint no agent meets", async () => {
    // All agents here are on one host.
    await supervision.define({ id: "ends", cmd: "true" }, { ...sleeper, constraints: [["hostname", "UNIQUE"]] });
    const supervisor = await supervision.start();
    await supervisor.logged(
      /ends\.0 has ended: TASK_FINISHED.*; launched again after 0\.2 s\n(.*\n)*ends\.0 is launched/,
    );
    await supervisor.logged(
      /apps\[1\]\.constraints\[0\]: no agent that has room meets hostname UNIQUE; what runs keeps running/,
    );
    expect(supervisor.log().match(/constraints\[0\]/g)?.length).toBe(1);
    expect(supervisor.log().match(/sleeper\.\d is launched/g)?.length).toBe(1);
  });

  it("keeps mesos-invert running: killed in the middle of a batch, it comes back, and each image is inverted once", async () => {
    const images = cleanup.use(await SlowImages.start());
    const output = join(await cleanup.tempDir(), "out");
    const script = at("dist/clients/typescript/invert/main.js");
    const named = ["a", "b", "c", "d"].map((name) => images.url(`${name}.jpg`));
    const options = ["--bridge", bridge.address, "--output", output, "--task-cpus", "0.1", "--task-mem", "64"];
    await supervision.define({
      id: "invert",
      args: [process.execPath, script, ...options, ...named, at("images/rocket.jpg")],
      mem: 256,
    });
    const supervisor = await supervision.start();
    await eventually(() => images.asked.length === 4, { what: "the fetches of all" });
    const [pid] = processesOf(script, output);
    if (pid === undefined) throw new Error("mesos-invert does not run");
    process.kill(pid, "SIGKILL");
    await supervisor.logged(/invert\.0 has ended: TASK_FAILED/);
    // Then it takes results.
    const found = /going on: \d of 5 done before(.*\n)+.* d\.jpg: running/;
    await eventually(() => logsOf(mesos(), "invert.").some((log) => found.test(log)), { what: "another mesos-invert" });
    images.open();
    await supervisor.logged(/invert\.0 has ended: TASK_FINISHED/);
    expect(images.asked.sort()).toEqual(["/a.jpg", "/b.jpg", "/c.jpg", "/d.jpg"]);
    expect(readFileSync(join(output, "index.html"), "utf8")).toContain("5 of 5 images inverted");
  });
});

describe.runIf(process.env.MESOS !== "real")("mesos-supervise, embedded Mesos", () => {
  const cleanup = cleanupAfterAll();
  let mesos: EmbeddedMesos;
  let bridge: Bridge;
  beforeAll(async () => {
    const pings = { agent_ping_timeout: "200ms", max_agent_ping_timeouts: "3" };
    mesos = cleanup.use(await startEmbeddedMesos({ agents: 2, flags: { allocation_interval: "100ms", ...pings } }));
    bridge = cleanup.use(await startBridge({ master: mesos.master }));
  });

  it("says in one line that a health check does not pass, and leaves what runs", async () => {
    const supervision = await Supervision.create(bridge.address, cleanup);
    const check = { protocol: "COMMAND", command: { value: "test -e healthy" }, delaySeconds: 0, intervalSeconds: 0.2 };
    const app = { id: "web", healthChecks: [{ ...check, gracePeriodSeconds: 0, maxConsecutiveFailures: 1000 }] };
    await supervision.define({ ...app, cmd: "touch healthy; sleep 1000" });
    const supervisor = await supervision.start();
    await supervisor.logged(/web\.0 passes its health check/);
    const [before] = await supervision.settled({ web: 1 });
    await supervision.define({ ...app, cmd: "sleep 1000" });
    // The first version may have been checked before it could pass.
    await supervisor.logged(
      /: changed\n(?:.*\n)*.*apps\[0\]\.healthChecks\[0\]: web\.0 fails it; what runs keeps running/,
    );
    // The next tick after that would have ended the first one.
    await supervision.define({ ...app, cmd: "sleep 1000" }, { id: "other", cmd: "sleep 1000" });
    expect(await supervision.settled({ web: 2, other: 1 })).toContain(before);
    const [, afterChange = ""] = supervisor.log().split(/: changed$(.*)/ms);
    expect(afterChange.match(/healthChecks\[0\]/g)?.length).toBe(1);
  });

  it("started while a new master does not know all agents yet, waits for them, and launches nothing twice", async () => {
    const supervision = await Supervision.create(bridge.address, cleanup);
    await supervision.define(sleeper);
    const first = await supervision.start();
    const before = await supervision.settled({ sleeper: 2 });
    await first.kill();
    await mesos.crash();
    await mesos.faults.startMaster();
    const second = await supervision.start();
    await eventually(() => supervision.isLinked(), { what: "the new master" });
    await mesos.faults.startAgent(0);
    // One is there again, and so is room for another.
    await second.logged(/sleeper\.\d runs as/);
    await mesos.faults.startAgent(1);
    await second.logged(/sleeper\.0 runs as/);
    await second.logged(/sleeper\.1 runs as/);
    await supervision.define(sleeper, { id: "other", cmd: "sleep 1000" });
    expect(await supervision.settled({ sleeper: 2, other: 1 })).toEqual(expect.arrayContaining(before));
    expect(second.log()).not.toMatch(/sleeper\.\d is launched/);
  });

  it("launches the tasks of an agent that is cut off on another one, and ends them when they come back", async () => {
    const supervision = await Supervision.create(bridge.address, cleanup);
    await supervision.define({ ...sleeper, instances: 4 });
    const supervisor = await supervision.start();
    const before = await supervision.settled({ sleeper: 4 });
    mesos.faults.partitionAgent(0, true);
    await supervisor.logged(
      /sleeper\.\d has ended: TASK_UNREACHABLE.*\n(.*\n)*sleeper\.\d has ended: TASK_UNREACHABLE/,
    );
    await eventually(async () => {
      const ids = await supervision.running();
      return ids.length === 4 && before.filter((id) => ids.includes(id)).length === 2;
    });
    const replaced = await supervision.running();
    await mesos.faults.stopAgent(0);
    await mesos.faults.startAgent(0);
    await supervisor.logged(/is killed: .*\n(.*\n)*.*is killed: /);
    expect(await supervision.settled({ sleeper: 4 })).toEqual(replaced);
  });
});

describe("mesos-supervise, called wrongly", () => {
  const cleanup = cleanupAfterAll();

  it.each<[string, string | undefined, RegExp]>([
    ["without a file", undefined, /missing required argument 'file'/],
    ["with a file that is not there", "none.json", /^mesos-supervise: \S*none\.json can't be read: ENOENT[^\n]*\n$/],
    ["with a file that is no app definition", at("package.json"), /^mesos-supervise: \S+package\.json: id: [^\n]*\n$/],
  ])("%s says so in a line and ends with 2", async (_, file, text) => {
    const args = [program, ...(file === undefined ? [] : [file])];
    const supervisor = cleanup.use(await startProcess({ command: process.execPath, args }));
    expect((await supervisor.exited).code).toBe(2);
    expect(supervisor.log()).toMatch(text);
  });
});
