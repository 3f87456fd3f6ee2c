import { setImmediate as turn } from "node:timers/promises";
import { expect } from "vitest";
import { TaskState } from "../../gen/mesos/v1/mesos.js";
import type { OpenTask } from "../../gen/mesosbridge/v1/scheduler.js";
import type { Bridge } from "./bridge.js";
import { BridgeScheduler, ids } from "./bridgeScheduler.js";
import { getJson } from "./http.js";
import { task } from "./messages.js";

/** What was found after a launch during which the bridge was killed. */
export type Found = "it runs" | "it is unconfirmed, and Mesos does not have it" | "it is not there";

/** Launches whose times are taken first. */
const MEASURED = 3;
const ENOUGH = { timeoutMs: 60_000 };

interface Options {
  readonly bridge: Bridge;
  /** As `http://127.0.0.1:5050`. */
  readonly master: string;
}

/** A scheduler that remembers nothing, and launches one task after the other while its bridge is killed. */
export class LaunchKills {
  readonly #options: Options;
  #scheduler: BridgeScheduler;
  /** How long a bridge takes that has just started for a launch. */
  callMs = 0;

  private constructor(options: Options, scheduler: BridgeScheduler) {
    this.#options = options;
    this.#scheduler = scheduler;
  }

  static async start(options: Options): Promise<LaunchKills> {
    const scheduler = await BridgeScheduler.attach(options.bridge.address);
    const kills = new LaunchKills(options, scheduler);
    await kills.#measure();
    return kills;
  }

  async stop(): Promise<void> {
    await this.#scheduler.call("teardown");
    this.#scheduler.stop();
  }

  /**
   * Kills the bridge that long after the call was made, starts it again, and compares its snapshot with what Mesos has.
   *
   * @throws what `expect` throws if a task that runs is not in the snapshot, or one that does not is not unconfirmed
   */
  async killAfter(ms: number): Promise<Found> {
    const { bridge } = this.#options;
    const { id, answer } = await this.#launch();
    for (const until = performance.now() + ms; performance.now() < until; ) await turn();
    await bridge.kill();
    const { code } = await answer;
    await this.#startAgain();
    const tasks = await this.#scheduler.snapshotTasks(ENOUGH);
    const known = tasks.get(id);
    const runs = await this.#runsAtMesos(id);
    // That an earlier one has ended may not have been written yet.
    for (const [other, task] of tasks) if (other !== id) expect(mayBeGone(task)).toBe(true);
    if (code === "OK") expect(runs).toBe(true);
    if (known) expect(Buffer.from(known.cookie).toString()).toBe(cookieOf(id));
    // What the launch was to remember is there exactly if its task is.
    const { entry } = await this.#scheduler.ok("getState", { key: "last" });
    expect(entry?.value.toString() === id).toBe(known !== undefined);
    if (runs) {
      expect(known).toBeDefined();
      await this.#kill(id);
      return "it runs";
    }
    if (!known) return "it is not there";
    expect(mayBeGone(known)).toBe(true);
    expect(GONE).toContain((await this.#scheduler.update(id, ENOUGH)).state);
    return "it is unconfirmed, and Mesos does not have it";
  }

  async #startAgain(): Promise<void> {
    const { bridge } = this.#options;
    this.#scheduler.stop();
    await bridge.restart();
    const request = { frameworkName: this.#scheduler.name, frameworkInfo: undefined };
    this.#scheduler = await BridgeScheduler.attach(bridge.address, request);
  }

  async #launch() {
    const offer = await this.#scheduler.offer(ENOUGH);
    const info = task(offer.agentId, { command: { value: "exec sleep 1000" } });
    const id = info.taskId?.value ?? "";
    const filters = { refuseSeconds: 0 };
    const cookies = { [id]: Buffer.from(cookieOf(id)) };
    const state = [{ key: "last", value: Buffer.from(id) }];
    const launch = { offerIds: ids([offer]), tasks: [info], cookies, state, filters };
    return { id, answer: this.#scheduler.call("launchTasks", launch) };
  }

  async #measure(): Promise<void> {
    const times: number[] = [];
    for (let i = 0; i < MEASURED; i++) {
      await this.#options.bridge.kill();
      await this.#startAgain();
      const { id, answer } = await this.#launch();
      const since = performance.now();
      expect(await answer).toMatchObject({ code: "OK" });
      times.push(performance.now() - since);
      await this.#kill(id);
    }
    this.callMs = times.sort((a, b) => a - b)[Math.floor(MEASURED / 2)] ?? 0;
  }

  async #kill(id: string): Promise<void> {
    await this.#scheduler.linked(ENOUGH);
    await this.#scheduler.ok("killTask", { taskId: { value: id } });
    await this.#scheduler.updateTo(id, TaskState.TASK_KILLED, ENOUGH);
  }

  async #runsAtMesos(id: string): Promise<boolean> {
    const { frameworks } = (await getJson(`${this.#options.master}/master/state`)) as MasterState;
    const own = frameworks.find(({ id }) => id === this.#scheduler.frameworkId);
    return own?.tasks.some((task) => task.id === id) ?? false;
  }
}

interface MasterState {
  frameworks: { id: string; tasks: { id: string }[] }[];
}

const { TASK_LOST, TASK_GONE, TASK_UNKNOWN, TASK_DROPPED, TASK_KILLED } = TaskState;
const GONE: readonly (TaskState | undefined)[] = [TASK_LOST, TASK_GONE, TASK_UNKNOWN, TASK_DROPPED];

/** Its client is told that Mesos may not have the task, or that it has it no more. */
function mayBeGone({ unconfirmed, status }: OpenTask): boolean {
  return unconfirmed || GONE.includes(status?.state) || status?.state === TASK_KILLED;
}

const cookieOf = (id: string) => `cookie of ${id}`;
