import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TaskState, type TaskStatus } from "../../../gen/mesos/v1/mesos.js";
import { type RunningProcess, startProcess } from "../../support/childProcess.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually, within } from "../../support/eventually.js";
import { at } from "../../support/paths.js";
import { FakeAgent, type FakeSubscription } from "../../unit/executor/fakeAgent.js";

const { TASK_STARTING, TASK_RUNNING, TASK_FINISHED, TASK_KILLED } = TaskState;

/** The program that runs command tasks where its agent may be killed, with a fake agent at its socket. */
describe("the command executor", () => {
  let cleanup: Cleanup;
  let agent: FakeAgent;
  let executor: RunningProcess;
  let sandbox: string;

  beforeEach(async () => {
    cleanup = new Cleanup();
    agent = await FakeAgent.start();
    sandbox = await cleanup.tempDir();
    const env = agent.environment({
      MESOS_CHECKPOINT: "1",
      MESOS_RECOVERY_TIMEOUT: "15mins",
      MESOS_SUBSCRIPTION_BACKOFF_MAX: "100ms",
    });
    executor = cleanup.use(
      await startProcess({
        command: process.execPath,
        args: [at("dist/embedded/agent/commandExecutor.js")],
        env: { ...process.env, ...env },
        cwd: sandbox,
      }),
    );
  });
  afterEach(async () => {
    await cleanup.run();
    await agent.stop();
  });

  async function launch(value: string): Promise<FakeSubscription> {
    const stream = await agent.subscriptions.next();
    stream.subscribed();
    stream.launch("task", { command: { value, uris: [], arguments: [] } });
    await agent.update(TASK_STARTING);
    return stream;
  }

  /** The updates that a SUBSCRIBE names. */
  function statuses({ call }: FakeSubscription): TaskStatus[] {
    return (call.subscribe?.unacknowledgedUpdates ?? []).flatMap(({ status }) => status ?? []);
  }

  const exit = () => within(executor.exited, { timeoutMs: 30_000 });

  test("runs a task, and ends when the agent has all of its updates", async () => {
    agent.acknowledging = false;
    const stream = await launch("exit 0");
    const updates = [await agent.update(TASK_RUNNING), await agent.update(TASK_FINISHED)];
    for (const status of updates) stream.acknowledge(status);
    stream.end();
    const second = await agent.subscriptions.next();
    expect(second.call.subscribe?.unacknowledgedTasks).toEqual([]);
    expect(statuses(second).map(({ state }) => state)).toEqual([TASK_STARTING]);
    second.subscribed();
    for (const status of statuses(second)) second.acknowledge(status);
    expect(await exit()).toEqual({ code: 0, signal: null });
  });

  test("goes on with its task while its agent is away, and tells what came meanwhile", async () => {
    const stream = await launch("while [ ! -e end ]; do sleep 0.05; done");
    await agent.update(TASK_RUNNING);
    const { port } = agent;
    stream.reset();
    await agent.stop();
    await writeFile(join(sandbox, "end"), "");
    agent = await FakeAgent.start(port);
    const second = await agent.subscriptions.next();
    second.subscribed();
    const named = statuses(second);
    for (const status of named) second.acknowledge(status);
    if (named.every(({ state }) => state !== TASK_FINISHED)) await agent.update(TASK_FINISHED);
    expect(await exit()).toEqual({ code: 0, signal: null });
  });

  test("ends its task and itself when its agent no longer knows it", async () => {
    const stream = await launch("echo $$ > pid; exec sleep 1000");
    await agent.update(TASK_RUNNING);
    const pid = await eventually(async () => Number(await readFile(join(sandbox, "pid"), "utf8")));
    agent.intercept = () => ({ status: 400, text: "Executor cannot be found" });
    stream.reset();
    expect(await exit()).toEqual({ code: 1, signal: null });
    expect(executor.log()).toBe("The agent is lost: the agent answered SUBSCRIBE with 400: Executor cannot be found\n");
    await eventually(() => !existsSync(`/proc/${pid}`), { what: "the end of the task" });
  });

  test("gives a task that is killed its grace, and no more", async () => {
    const stream = await launch("trap '' TERM; while true; do sleep 0.05; done");
    await agent.update(TASK_RUNNING);
    stream.kill("task", 100);
    await agent.update(TASK_KILLED);
    expect(await exit()).toEqual({ code: 0, signal: null });
  });
});
