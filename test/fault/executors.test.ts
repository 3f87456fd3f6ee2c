import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  ExecutorInfo_Type,
  type Offer,
  TaskState,
  type TaskStatus,
  TaskStatus_Reason,
} from "../../gen/mesos/v1/mesos.js";
import type { BridgeScheduler } from "../support/bridgeScheduler.js";
import { describeBridge } from "../support/describeBridge.js";
import { eventually } from "../support/eventually.js";
import { getJson } from "../support/http.js";
import { type PartialTask, resources, task, unique } from "../support/messages.js";
import { at } from "../support/paths.js";

const { TASK_RUNNING, TASK_FINISHED, TASK_FAILED } = TaskState;
const { REASON_EXECUTOR_TERMINATED } = TaskStatus_Reason;
const TASKS = 4;

interface StateJson {
  frameworks: { id: string; tasks: unknown[] }[];
}

/** Two executors with four tasks each, while something happens to the first. */
describeBridge("an executor", { agents: 1, resources: "cpus:4;mem:2048;disk:1000" }, (suite) => {
  async function start() {
    const { attach, cleanup } = suite();
    const scheduler = await (await attach()).linked();
    const dir = await cleanup.tempDir();
    const [runs, end] = [join(dir, "runs"), join(dir, "end")];
    const executor = (id: string) => ({
      executorId: { value: id },
      type: ExecutorInfo_Type.CUSTOM,
      command: { value: `exec '${process.execPath}' '${at("test/fault/sleepExecutor.mjs")}'` },
      resources: resources("cpus:0.1;mem:32"),
    });
    const data = Buffer.from(JSON.stringify({ runs, end }));
    const tasksOf = (id: string, { agentId }: Offer) =>
      Array.from({ length: TASKS }, () => task(agentId, { executor: executor(id), data }));
    return {
      scheduler,
      tasksOf,
      endTasks: () => writeFile(end, ""),
      expectRanOnce: async (tasks: PartialTask[]) =>
        expect((await readFile(runs, "utf8")).trim().split("\n").sort()).toEqual(tasks.map(idOf).sort()),
    };
  }

  /** Takes all updates of some tasks, acknowledging each, until each has come to `state`. */
  async function updatesTo(scheduler: BridgeScheduler, tasks: PartialTask[], state: TaskState) {
    const updates = new Map<string, TaskStatus[]>(tasks.map((each) => [idOf(each), []]));
    for (const [id, list] of updates) {
      while (list.at(-1)?.state !== state) list.push(await scheduler.update(id, { timeoutMs: 20_000 }));
    }
    return updates;
  }

  async function running(scheduler: BridgeScheduler, tasks: PartialTask[]): Promise<number> {
    const updates = await updatesTo(scheduler, tasks, TASK_RUNNING);
    const states = [...updates.values()].map((list) => list.map((status) => status.state));
    expect(states).toEqual(tasks.map(() => [TASK_RUNNING]));
    const pids = new Set([...updates.values()].map((list) => Number(String(list.at(-1)?.data))));
    expect(pids.size).toBe(1);
    return [...pids][0] ?? 0;
  }

  async function launchBoth() {
    const started = await start();
    const { scheduler, tasksOf } = started;
    const offer = await scheduler.offer();
    const names = [unique("first"), unique("second")] as const;
    const first = tasksOf(names[0], offer);
    const second = tasksOf(names[1], offer);
    await scheduler.launch(offer, ...first, ...second);
    const pid = await running(scheduler, first);
    expect(await running(scheduler, second)).not.toBe(pid);
    return { ...started, first, second, names, pid };
  }

  /** The end of each task came once, and the master holds none any more. */
  async function expectNothingLeft(scheduler: BridgeScheduler): Promise<void> {
    const none = async () => {
      const state = (await getJson(`${suite().mesos.master}/master/state`)) as StateJson;
      return state.frameworks.find(({ id }) => id === scheduler.frameworkId)?.tasks.length === 0;
    };
    await eventually(none, { what: "the end of all tasks at the master" });
    expect(scheduler.stream.waiting(({ ackToken }) => ackToken !== "")).toEqual([]);
  }

  test("that is killed: its tasks fail, each seen once, others go on, and it can be launched again", async () => {
    const { scheduler, first, second, names, pid, tasksOf, endTasks, expectRanOnce } = await launchBoth();
    process.kill(pid, "SIGKILL");
    const failed = await updatesTo(scheduler, first, TASK_FAILED);
    for (const list of failed.values()) {
      expect(list).toHaveLength(1);
      expect(list[0]).toMatchObject({ reason: REASON_EXECUTOR_TERMINATED });
    }
    const failure = await scheduler.mesos("failure", ({ executorId }) => executorId?.value === names[0]);
    expect(failure.status).toBe(9);

    const offer = await scheduler.offer();
    const again = tasksOf(names[0], offer);
    await scheduler.launch(offer, ...again);
    expect(await running(scheduler, again)).not.toBe(pid);
    await endTasks();
    for (const list of (await updatesTo(scheduler, [...second, ...again], TASK_FINISHED)).values()) {
      expect(list).toHaveLength(1);
    }
    await expectNothingLeft(scheduler);
    await expectRanOnce([...first, ...second, ...again]);
  });

  test("that stands still: others go on, and it goes on where it was", async () => {
    const { scheduler, first, second, pid, endTasks, expectRanOnce } = await launchBoth();
    process.kill(pid, "SIGSTOP");
    try {
      await endTasks();
      await updatesTo(scheduler, second, TASK_FINISHED);
      // Mesos keeps them: it does not watch executors' streams.
      await scheduler.ok("reconcileTasks", { tasks: first.map(({ taskId }) => ({ taskId })) });
      for (const each of first) expect((await scheduler.update(idOf(each))).state).toBe(TASK_RUNNING);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    for (const list of (await updatesTo(scheduler, first, TASK_FINISHED)).values()) expect(list).toHaveLength(1);
    await expectNothingLeft(scheduler);
    await expectRanOnce([...first, ...second]);
  });

  test("that stands still and is killed: its tasks fail, each seen once", async () => {
    const { scheduler, first, second, pid, endTasks, expectRanOnce } = await launchBoth();
    process.kill(pid, "SIGSTOP");
    process.kill(pid, "SIGKILL");
    for (const list of (await updatesTo(scheduler, first, TASK_FAILED)).values()) expect(list).toHaveLength(1);
    await endTasks();
    await updatesTo(scheduler, second, TASK_FINISHED);
    await expectNothingLeft(scheduler);
    await expectRanOnce([...first, ...second]);
  });
});

const idOf = ({ taskId }: PartialTask): string => taskId?.value ?? "";
