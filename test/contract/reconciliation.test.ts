import { afterEach, describe, expect, test } from "vitest";
import {
  FrameworkInfo_Capability_Type,
  type Offer,
  TaskState,
  type TaskStatus,
  TaskStatus_Reason,
  TaskStatus_Source,
} from "../../gen/mesos/v1/mesos.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { codecs, json } from "../support/codec.js";
import { ExecutorHost, MesosExecutor } from "../support/executor.js";
import { frameworkInfo, launch, type PartialTask, task, unique } from "../support/messages.js";
import { MesosScheduler } from "../support/scheduler.js";

const { TASK_STAGING, TASK_RUNNING, TASK_FINISHED, TASK_LOST, TASK_GONE, TASK_UNKNOWN } = TaskState;
const { MULTI_ROLE, PARTITION_AWARE } = FrameworkInfo_Capability_Type;
const partitionAware = [MULTI_ROLE, PARTITION_AWARE].map((type) => ({ type }));
const other = [{ type: MULTI_ROLE }];

/** What the master says of tasks that it is asked for. */
describeEachMesos("reconciliation", { flags: { allocation_interval: "100ms" } }, (mesos) => {
  const cleanup = cleanupAfterAll();
  const schedulers: MesosScheduler[] = [];
  afterEach(async () => {
    for (const scheduler of schedulers.splice(0)) {
      await scheduler.call("TEARDOWN");
      scheduler.stop();
    }
  });

  async function subscribe(capabilities = partitionAware, codec = json): Promise<MesosScheduler> {
    const scheduler = new MesosScheduler({ ...mesos(), codec });
    schedulers.push(scheduler);
    await scheduler.subscribe(frameworkInfo({ capabilities }));
    return scheduler;
  }

  /** A task whose executor has got it and said nothing yet. */
  async function deliverTask(scheduler: MesosScheduler) {
    const host = cleanup.use(await ExecutorHost.start());
    const offer = await scheduler.offer();
    const executorId = unique("executor");
    const launched = task(offer.agentId, { executor: host.info(executorId) });
    await scheduler.accept([offer], [launch(launched)]);
    const executor = cleanup.use(MesosExecutor.of(await host.process(executorId)));
    await executor.subscribe();
    await executor.stream.next("launch");
    return { offer, executor, executorId, task: launched };
  }

  const reconcile = (
    scheduler: MesosScheduler,
    ...tasks: { taskId: PartialTask["taskId"]; agentId?: Offer["agentId"] }[]
  ) => scheduler.send("RECONCILE", { reconcile: { tasks } });

  function expectAnswer(update: TaskStatus, state: TaskState, message: string): void {
    expect(update).toMatchObject({
      state,
      source: TaskStatus_Source.SOURCE_MASTER,
      reason: TaskStatus_Reason.REASON_RECONCILIATION,
      message: `Reconciliation: ${message}`,
    });
    expect(update.uuid).toBeUndefined();
  }

  describe.each(codecs)("as $name", (codec) => {
    test("of a known task gives its latest state, as often as asked", async () => {
      const scheduler = await subscribe(partitionAware, codec);
      const { task: known, executor, executorId, offer } = await deliverTask(scheduler);
      const taskId = known.taskId?.value;
      // Nothing is reported when a task is accepted; it is staging until its executor says something.
      await reconcile(scheduler, { taskId: known.taskId });
      expectAnswer(await scheduler.update(taskId), TASK_STAGING, "Latest task state");
      await executor.update(known.taskId as never, TASK_RUNNING);
      await scheduler.update(taskId);
      await reconcile(scheduler, { taskId: known.taskId, agentId: offer.agentId }, { taskId: known.taskId });
      for (const update of [await scheduler.update(taskId), await scheduler.update(taskId)]) {
        expectAnswer(update, TASK_RUNNING, "Latest task state");
        expect(update).toMatchObject({ agentId: offer.agentId, executorId: { value: executorId } });
        expect(update.containerStatus?.containerId?.value).toMatch(/^[0-9a-f-]{36}$/);
      }
    });
  });

  test.each([
    ["no agent", undefined, TASK_UNKNOWN, "Task is unknown"],
    ["an unknown agent", "unknown", TASK_UNKNOWN, "Task is unknown"],
    ["an agent that has no such task", "its own", TASK_GONE, "Task is unknown to the agent"],
  ])("of an unknown task, with %s", async (_, agent, state, message) => {
    for (const [capabilities, expected] of [
      [partitionAware, state],
      [other, TASK_LOST],
    ] as const) {
      const scheduler = await subscribe(capabilities);
      const { agentId } = await scheduler.offer();
      const taskId = unique("unknown");
      const asked = agent === "its own" ? agentId : agent === undefined ? undefined : { value: agent };
      await reconcile(scheduler, { taskId: { value: taskId }, ...(asked && { agentId: asked }) });
      const update = await scheduler.update(taskId);
      expectAnswer(update, expected, message);
      expect(update.unreachableTime).toBeUndefined();
      // KILL of such a task is answered in the same way.
      await scheduler.send("KILL", { kill: { taskId: { value: taskId }, ...(asked && { agentId: asked }) } });
      expectAnswer(await scheduler.update(taskId), expected, message);
      await scheduler.send("TEARDOWN");
    }
  });

  test("gives the state that was forwarded, not the one that waits behind it", async () => {
    const scheduler = await subscribe();
    const { task: known, executor } = await deliverTask(scheduler);
    const taskId = known.taskId?.value;
    await executor.update(known.taskId as never, TASK_RUNNING);
    await executor.update(known.taskId as never, TASK_FINISHED);
    await executor.stream.next("acknowledged");
    await executor.stream.next("acknowledged");
    const running = await scheduler.update(taskId, { acknowledge: false });
    expect(running.state).toBe(TASK_RUNNING);
    await reconcile(scheduler, { taskId: known.taskId });
    expectAnswer(await scheduler.update(taskId), TASK_RUNNING, "Latest task state");

    await scheduler.acknowledge(running);
    const finished = await scheduler.update(taskId, { acknowledge: false });
    expect(finished.state).toBe(TASK_FINISHED);
    // Terminal and not acknowledged: the master still has it, whether it is named or not.
    await reconcile(scheduler, { taskId: known.taskId });
    expectAnswer(await scheduler.update(taskId), TASK_FINISHED, "Latest task state");
    await reconcile(scheduler);
    expectAnswer(await scheduler.update(taskId), TASK_FINISHED, "Latest task state");

    await scheduler.acknowledge(finished);
    await expect
      .poll(
        async () => {
          await reconcile(scheduler, { taskId: known.taskId });
          return (await scheduler.update(taskId)).state;
        },
        { interval: 50, timeout: 5000 },
      )
      .toBe(TASK_UNKNOWN);
  });

  test("without names gives each task that the master has, also a staging one, and no end mark", async () => {
    const scheduler = await subscribe();
    const running = await deliverTask(scheduler);
    const staging = await deliverTask(scheduler);
    await running.executor.update(running.task.taskId as never, TASK_RUNNING);
    await scheduler.update(running.task.taskId?.value);
    await reconcile(scheduler);
    const answers = [await scheduler.update(), await scheduler.update()];
    expect(new Map(answers.map(({ taskId, state }) => [taskId?.value, state]))).toEqual(
      new Map([
        [running.task.taskId?.value, TASK_RUNNING],
        [staging.task.taskId?.value, TASK_STAGING],
      ]),
    );
    // An answer to what is asked next comes after all of these.
    await reconcile(scheduler, { taskId: { value: "mark" } });
    expect((await scheduler.update()).taskId?.value).toBe("mark");
  });

  test("without names, of a framework without tasks, gives nothing", async () => {
    const scheduler = await subscribe();
    await reconcile(scheduler);
    await reconcile(scheduler, { taskId: { value: "mark" } });
    expect((await scheduler.update()).taskId?.value).toBe("mark");
  });

  test("of operations that nobody knows", async () => {
    const scheduler = await subscribe();
    const { agentId } = await scheduler.offer();
    await scheduler.send("RECONCILE_OPERATIONS", {
      reconcileOperations: { operations: [{ operationId: { value: "unknown" }, agentId }] },
    });
    const { status } = await scheduler.stream.next("updateOperationStatus");
    expect(status).toMatchObject({ operationId: { value: "unknown" } });
    expect(status?.uuid).toBeUndefined();
  });
});
