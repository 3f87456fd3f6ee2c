import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import type { Cleanup } from "../support/cleanup.js";
import type { MesosCluster } from "../support/cluster.js";
import { eventually } from "../support/eventually.js";
import { freePort } from "../support/freePort.js";
import { unique } from "../support/messages.js";
import { writeNumberedImages, wrongResults } from "../support/numberedImages.js";
import { operate } from "../support/operator.js";
import { at } from "../support/paths.js";
import { processesOf } from "../support/processes.js";

const supervise = at("dist/clients/typescript/supervise/main.js");
const invert = at("dist/clients/typescript/invert/main.js");
/** For a crowded machine, on which a process takes seconds to start. */
const BACK = { timeoutMs: 120_000 };
/** What is shown of each log when a test fails. */
const LAST_WORDS_CHARS = 4_000;

/** What was killed, and how long it took until it was there again, attached to a bridge with a master. */
export interface Outage {
  kind: string;
  ms: number;
}

/** What can be done to a batch. */
export type Kill = "killScheduler" | "killBridge" | "killBoth" | "killSupervisor" | "loseAgent" | "crashCluster";

/**
 * A batch of images whose scheduler, mesos-invert, is itself a task, which mesos-supervise keeps running, while a test
 * kills what it can. The bridge has two addresses, and comes back at the other one each time.
 */
export class KeptBatch {
  readonly outages: Outage[] = [];
  readonly #mesos: MesosCluster;
  readonly #cleanup: Cleanup;
  readonly #count: number;
  readonly #folder: string;
  readonly #supervisorName = unique("keeper-of-invert");
  readonly #invertName = unique("kept-invert");
  readonly #ports: number[] = [];
  /** The file of each result when it was seen first: another one would have been put in its place. */
  readonly #results = new Map<string, number>();
  readonly #killed = new Set<number>();
  #bridge: Bridge | undefined;
  #supervisor: RunningProcess | undefined;

  private constructor(mesos: MesosCluster, cleanup: Cleanup, count: number, folder: string) {
    this.#mesos = mesos;
    this.#cleanup = cleanup;
    this.#count = count;
    this.#folder = folder;
  }

  /** Starts the bridge, mesos-supervise, and by it mesos-invert with so many images. */
  static async start(mesos: MesosCluster, cleanup: Cleanup, count: number): Promise<KeptBatch> {
    const batch = new KeptBatch(mesos, cleanup, count, await cleanup.tempDir());
    mkdirSync(batch.#at("in"));
    await writeNumberedImages(batch.#at("in"), count);
    batch.#ports.push(await freePort(), await freePort());
    const options = ["--bridge", batch.#addresses, "--framework-name", batch.#invertName, "--output", batch.#at("out")];
    const args = [process.execPath, invert, ...options, "--task-cpus", "0.5", "--task-mem", "64", batch.#at("in")];
    const app = { id: "invert", args, cpus: 0.2, mem: 128, backoffSeconds: 0.5, maxLaunchDelaySeconds: 2 };
    writeFileSync(batch.#at("apps.json"), JSON.stringify(app));
    await batch.#startBridge();
    await batch.#startSupervisor();
    return batch;
  }

  /** What all parts have said, for a failed test. */
  log(): string {
    const own = { "mesos-supervise": this.#supervisor?.log(), "the bridge": this.#bridge?.log() };
    const logs = { ...own, ...this.#sandboxes() };
    return Object.entries(logs)
      .map(([name, log = ""]) => `${name}:\n${log.slice(-LAST_WORDS_CHARS)}`)
      .join("\n\n");
  }

  /** What each mesos-invert wrote, by its task's id. */
  #sandboxes(): Record<string, string> {
    const files = readdirSync(this.#mesos.workDir, { recursive: true, withFileTypes: true });
    const logs = files.filter(({ name, parentPath }) => name === "stderr" && parentPath.includes("/executors/invert."));
    return Object.fromEntries(
      logs.map(({ name, parentPath }) => {
        const id = parentPath.replace(/^.*\/executors\/|\/runs\/.*$/g, "");
        return [id, readFileSync(join(parentPath, name), "utf8")];
      }),
    );
  }

  /** Waits until so many images are inverted. */
  async inverted(count: number): Promise<void> {
    await eventually(() => this.#look() >= count, { what: `${count} inverted images`, ...BACK });
  }

  async killScheduler(): Promise<void> {
    await this.#outage("the scheduler", async () => this.#killSchedulerNow(await this.#scheduler()));
  }

  async killBridge(): Promise<void> {
    await this.#outage("the bridge", () => this.#moveBridge());
  }

  async killBoth(): Promise<void> {
    await this.#outage("the scheduler and the bridge", async () => {
      this.#killSchedulerNow(await this.#scheduler());
      await this.#moveBridge();
    });
  }

  async killSupervisor(): Promise<void> {
    const restart = async () => {
      await this.#supervisor?.kill();
      await this.#startSupervisor();
      await this.#supervisor?.logged(/invert\.0 runs as/, BACK);
    };
    await this.#outage("mesos-supervise", restart, this.#supervisorName);
  }

  /** Has the scheduler's agent marked as gone, which ends its tasks: it has to come back on another one. */
  async loseAgent(): Promise<void> {
    const pid = await this.#scheduler();
    const agentId = await this.#agentOfScheduler();
    await this.#outage("its agent, marked gone", async () => {
      this.#killed.add(pid);
      const call = { type: "MARK_AGENT_GONE", mark_agent_gone: { agent_id: { value: agentId } } };
      expect(await operate(this.#mesos.master, call)).toMatchObject({ status: 200 });
    });
    expect(await this.#agentOfScheduler()).not.toBe(agentId);
  }

  /** Kills master and agents, and all that runs on the scheduler's agent, as a machine does that fails; starts Mesos again. */
  async crashCluster(): Promise<void> {
    const pid = await this.#scheduler();
    const [machine = ""] = readlinkSync(`/proc/${pid}/cwd`).split("/slaves/");
    await this.#outage("its agent's machine, and the master", async () => {
      await this.#mesos.crash();
      this.#killed.add(pid);
      for (const each of processesIn(machine)) killIfThere(each);
      await this.#mesos.recover();
    });
  }

  /** Waits for the end of the batch. Asserts that each image is inverted, right, and once. */
  async expectAllInverted(): Promise<void> {
    await this.inverted(this.#count);
    await this.#supervisor?.logged(/invert\.0 has ended: TASK_FINISHED/, BACK);
    expect(this.#look()).toBe(this.#count);
    expect(await wrongResults(this.#at("out"), this.#count)).toEqual([]);
    const replaced = [...this.#results].filter(([name, file]) => statSync(this.#at("out", name)).ino !== file);
    expect(replaced.map(([name]) => name)).toEqual([]);
    this.#supervisor?.signal("SIGTERM");
    expect((await this.#supervisor?.exited)?.code).toBe(0);
  }

  #at(...names: string[]): string {
    return join(this.#folder, ...names);
  }

  get #addresses(): string {
    return this.#ports.map((port) => `127.0.0.1:${port}`).join(",");
  }

  /** How many results there are. */
  #look(): number {
    for (const name of readdirSync(this.#at("out"))) {
      if (!name.startsWith("picture-") || this.#results.has(name)) continue;
      this.#results.set(name, statSync(this.#at("out", name)).ino);
    }
    return this.#results.size;
  }

  async #startBridge(): Promise<void> {
    const [port] = this.#ports;
    const options = { master: this.#mesos.master, dataDir: this.#at("bridge"), flags: ["--wait-for-data-dir", "1m"] };
    this.#bridge = this.#cleanup.use(await startBridge({ ...options, ...(port !== undefined && { port }) }));
  }

  /** Kills it, and starts it at its other address. */
  async #moveBridge(): Promise<void> {
    await this.#bridge?.kill();
    this.#ports.reverse();
    await this.#startBridge();
  }

  async #startSupervisor(): Promise<void> {
    const options = ["--bridge", this.#addresses, "--framework-name", this.#supervisorName, "--end-tasks"];
    const args = [supervise, ...options, this.#at("apps.json")];
    this.#supervisor = this.#cleanup.use(await startProcess({ command: process.execPath, args }));
  }

  /** Breaks something in the middle of the batch, and notes how long it takes until a framework is back. */
  async #outage(kind: string, breakIt: () => Promise<void>, framework = this.#invertName): Promise<void> {
    const start = Date.now();
    await breakIt();
    await eventually(() => this.#isBack(framework), { what: `${framework} after the end of ${kind}`, ...BACK });
    this.outages.push({ kind, ms: Date.now() - start });
    expect(this.#look()).toBeLessThan(this.#count);
  }

  async #isBack(framework: string): Promise<boolean> {
    const { frameworks } = await this.#ask("listFrameworks", {});
    const { attached, linkState } = frameworks.find(({ frameworkName }) => frameworkName === framework) ?? {};
    // One that is being ended has its attachment still.
    const isAlone = this.#schedulers().length === 1 && processesOf(invert, this.#at("out")).length === 1;
    return attached === true && linkState === LinkState.LINK_STATE_CONNECTED && isAlone;
  }

  #killSchedulerNow(pid: number): void {
    this.#killed.add(pid);
    killIfThere(pid);
  }

  async #scheduler(): Promise<number> {
    const what = { what: `mesos-invert\n${this.log()}`, ...BACK };
    return await eventually(() => this.#schedulers()[0], what);
  }

  /** Those that run, but for those that were killed. */
  #schedulers(): number[] {
    return processesOf(invert, this.#at("out")).filter((pid) => !this.#killed.has(pid));
  }

  /** The agent of the scheduler's newest task. */
  async #agentOfScheduler(): Promise<string> {
    const { tasks } = await this.#ask("listTasks", { frameworkName: this.#supervisorName });
    // Others are questions that mesos-supervise asked.
    const own = tasks.filter(({ taskId }) => taskId?.value?.startsWith("invert."));
    const newest = own.sort((a, b) => attemptOf(a.taskId?.value) - attemptOf(b.taskId?.value)).at(-1);
    return newest?.agentId?.value ?? "";
  }

  async #ask<N extends "listFrameworks" | "listTasks">(method: N, request: Parameters<BridgeClient["call"]>[1]) {
    const client = new BridgeClient(this.#bridge?.address ?? "");
    try {
      const { response, message } = await client.call(method, request);
      if (response === undefined) throw new Error(`the bridge: ${message}`);
      return response;
    } finally {
      client.stop();
    }
  }
}

const attemptOf = (taskId = "") => Number(taskId.slice(taskId.lastIndexOf(".") + 1));

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The processes that run in a folder. */
function processesIn(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(`${folder}/`);
      } catch {
        return false;
      }
    })
    .map(Number);
}
