import { afterEach, expect, test } from "vitest";
import { Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import {
  FrameworkInfo_Capability_Type,
  type Offer,
  Offer_Operation_Type,
  OperationState,
  Resource_ReservationInfo_Type,
  TaskState,
} from "../../gen/mesos/v1/mesos.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos, type MesosCluster } from "../support/cluster.js";
import { ExecutorHost, type ExecutorProcess, MesosExecutor } from "../support/executor.js";
import { getJson, send } from "../support/http.js";
import { frameworkInfo, launch, resources, task, unique } from "../support/messages.js";
import { operate } from "../support/operator.js";
import { MesosScheduler, type PartialFrameworkInfo } from "../support/scheduler.js";

const flags = { allocation_interval: "100ms", executor_shutdown_grace_period: "2secs" };
const cluster = { agents: 6, resources: "cpus:2;mem:512;disk:512", flags };
const { TASK_RUNNING, TASK_KILLED, TASK_GONE_BY_OPERATOR } = TaskState;

async function subscribe(
  cleanup: Cleanup,
  mesos: MesosCluster,
  more: PartialFrameworkInfo = {},
): Promise<MesosScheduler> {
  const scheduler = cleanup.use(new MesosScheduler(mesos));
  await scheduler.subscribe(frameworkInfo(more));
  return scheduler;
}

async function markGone(mesos: MesosCluster, agentId: Offer["agentId"]): Promise<void> {
  const call = { type: "MARK_AGENT_GONE", mark_agent_gone: { agent_id: { value: agentId?.value } } };
  const answer = await operate(mesos.master, call);
  expect([answer.status, answer.text]).toEqual([200, ""]);
}

/** A task on an executor of the framework's own, both of them running. */
async function running(cleanup: Cleanup, scheduler: MesosScheduler) {
  const host = cleanup.use(await ExecutorHost.start());
  const offer = await scheduler.offer();
  const executorId = unique("executor");
  const info = host.info(executorId);
  const launched = task(offer.agentId, { executor: info });
  await scheduler.accept([offer], [launch(launched)], 0);
  const process: ExecutorProcess = await host.process(executorId);
  const executor = cleanup.use(MesosExecutor.of(process));
  await executor.subscribe();
  await executor.stream.next("launch");
  const taskId = { value: launched.taskId?.value ?? "" };
  await executor.update(taskId, TASK_RUNNING);
  await executor.stream.next("acknowledged");
  await scheduler.update(taskId.value);
  return { offer, process, executor, info, taskId };
}

/** Two reservations were carried out, and one of them was acknowledged. */
async function reserved(cleanup: Cleanup, mesos: MesosCluster) {
  const { MULTI_ROLE, PARTITION_AWARE, RESERVATION_REFINEMENT } = FrameworkInfo_Capability_Type;
  const capabilities = [MULTI_ROLE, PARTITION_AWARE, RESERVATION_REFINEMENT].map((type) => ({ type }));
  const scheduler = await subscribe(cleanup, mesos, { roles: ["gone"], capabilities });
  const offer = await scheduler.offer();
  const reservation = { type: Resource_ReservationInfo_Type.DYNAMIC, role: "gone" };
  const reserve = { resources: resources("disk:16", { reservations: [reservation] }) };
  const [operationId, acknowledged] = [unique("operation"), unique("operation")];
  const operation = (value: string) => ({ type: Offer_Operation_Type.RESERVE, id: { value }, reserve });
  await scheduler.accept([offer], [operation(operationId), operation(acknowledged)], 0);
  for (const value of [operationId, acknowledged]) {
    const { status } = await scheduler.stream.nextWhere(
      "updateOperationStatus",
      (event) => event.status?.operationId?.value === value,
    );
    expect(status?.state).toBe(OperationState.OPERATION_FINISHED);
    if (value !== acknowledged) continue;
    const call = { agentId: offer.agentId, operationId: { value }, uuid: status?.uuid?.value ?? Buffer.alloc(0) };
    await scheduler.send("ACKNOWLEDGE_OPERATION_STATUS", { acknowledgeOperationStatus: call });
  }
  return { scheduler, offer, operationId };
}

const operationsAndFailures = ({ stream }: MesosScheduler) =>
  stream.received.flatMap(({ event }) =>
    event.failure ? ["failure"] : event.updateOperationStatus ? ["operation"] : [],
  );

const shutdown = ({ stream }: MesosExecutor) =>
  stream.take(({ type }) => type === Event_Type.SHUTDOWN, { what: "SHUTDOWN" });

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Each test takes another agent, for ever. */
describeEachMesos("an agent that is marked gone", cluster, (mesos) => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  test("asks its executors to end, and ends them after their grace period", async () => {
    const scheduler = await subscribe(cleanup, mesos());
    const { offer, process, executor, taskId } = await running(cleanup, scheduler);
    await markGone(mesos(), offer.agentId);
    await shutdown(executor);
    expect(isAlive(process.hello.pid)).toBe(true);
    expect((await scheduler.update(taskId.value)).state).toBe(TASK_GONE_BY_OPERATOR);
    // It hears its executors out, and passes nothing on.
    expect((await executor.call("UPDATE", { update: { status: executor.status(taskId, TASK_KILLED) } })).status).toBe(
      202,
    );
    await process.gone;
    expect(executor.stream.received.filter(({ event }) => event.acknowledged)).toHaveLength(1);
    expect(scheduler.stream.received.filter(({ event }) => event.update?.status?.state === TASK_KILLED)).toEqual([]);
  });

  test("tells of its tasks first, then of its offers, then of itself", async () => {
    const scheduler = await subscribe(cleanup, mesos());
    const { offer, taskId } = await running(cleanup, scheduler);
    const isItsOwn = ({ agentId }: Offer) => agentId?.value === offer.agentId?.value;
    const { offers } = await scheduler.stream.nextWhere("offers", (event) => event.offers.some(isItsOwn));
    const offered = offers.find(isItsOwn)?.id?.value;
    const before = scheduler.stream.received.length;
    await markGone(mesos(), offer.agentId);
    await scheduler.stream.nextWhere("failure", ({ agentId }) => agentId?.value === offer.agentId?.value);
    const kinds = scheduler.stream.received.slice(before).flatMap(({ event }) => {
      if (event.update?.status?.taskId?.value === taskId.value) return ["task"];
      if (event.rescind?.offerId?.value === offered) return ["offer"];
      return event.failure ? ["agent"] : [];
    });
    expect(kinds).toEqual(["task", "offer", "agent"]);
  });

  test.each([
    ["with", TASK_GONE_BY_OPERATOR, { completed_tasks: 2, unreachable_tasks: 0 }],
    ["without", TaskState.TASK_LOST, { completed_tasks: 0, unreachable_tasks: 2 }],
  ])("tells of tasks that ended, too, when that is not acknowledged: %s PARTITION_AWARE", async (_, state, counts) => {
    const { MULTI_ROLE, PARTITION_AWARE } = FrameworkInfo_Capability_Type;
    const types = state === TASK_GONE_BY_OPERATOR ? [MULTI_ROLE, PARTITION_AWARE] : [MULTI_ROLE];
    const scheduler = await subscribe(cleanup, mesos(), { capabilities: types.map((type) => ({ type })) });
    const { offer, executor, info, taskId } = await running(cleanup, scheduler);
    const isItsOwn = ({ agentId }: Offer) => agentId?.value === offer.agentId?.value;
    const { offers } = await scheduler.stream.nextWhere("offers", (event) => event.offers.some(isItsOwn));
    const second = task(offer.agentId, { executor: info });
    await scheduler.accept(offers.filter(isItsOwn), [launch(second)], 0);
    await executor.stream.next("launch");
    await executor.update(taskId, TaskState.TASK_FINISHED);
    expect((await scheduler.update(taskId.value, { acknowledge: false })).state).toBe(TaskState.TASK_FINISHED);
    await markGone(mesos(), offer.agentId);
    for (const id of [taskId.value, second.taskId?.value]) expect((await scheduler.update(id)).state).toBe(state);
    const { text } = await operate(mesos().master, { type: "GET_TASKS" });
    const { get_tasks } = JSON.parse(text) as { get_tasks: Record<string, { framework_id: { value: string } }[]> };
    const mine = (list: string) =>
      get_tasks[list]?.filter(({ framework_id }) => framework_id.value === scheduler.frameworkId);
    for (const [list, count] of Object.entries(counts)) expect(mine(list)).toHaveLength(count);
    const told = [...(mine("completed_tasks") ?? []), ...(mine("unreachable_tasks") ?? [])];
    expect(told).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ task_id: taskId, state: "TASK_FINISHED", status_update_state: "TASK_FINISHED" }),
        expect.objectContaining({ task_id: second.taskId, state: TaskState[state] }),
      ]),
    );
    // An id is free again only if its task is known to have ended.
    const others = scheduler.stream.received.flatMap(({ event }) => event.offers?.offers ?? []);
    const another = others.filter((each) => !isItsOwn(each)).at(-1);
    if (!another) throw new Error("no offer of another agent");
    const again = task(another.agentId, { taskId, command: { value: "true" } });
    await scheduler.accept([another], [launch(again)], 0);
    const expected = state === TASK_GONE_BY_OPERATOR ? TaskState.TASK_STARTING : TaskState.TASK_ERROR;
    expect((await scheduler.update(taskId.value)).state).toBe(expected);
  });

  test("tells of operations that were not acknowledged", async () => {
    const { scheduler, offer, operationId } = await reserved(cleanup, mesos());
    await markGone(mesos(), offer.agentId);
    const { status } = await scheduler.stream.next("updateOperationStatus");
    expect(status).toMatchObject({
      operationId: { value: operationId },
      state: OperationState.OPERATION_GONE_BY_OPERATOR,
      message: "Agent has been marked gone",
      agentId: offer.agentId,
    });
    expect(status?.uuid).toBeUndefined();
    await scheduler.stream.nextWhere("failure", ({ agentId }) => agentId?.value === offer.agentId?.value);
    expect(operationsAndFailures(scheduler)).toEqual(["operation", "operation", "operation", "failure"]);
  });
});

describeEachMesos("an agent whose machine is taken down", { ...cluster, agents: 1 }, (mesos) => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  test("asks its executors to end, and says nothing of operations", async () => {
    const { scheduler, offer } = await reserved(cleanup, mesos());
    const { process, executor } = await running(cleanup, scheduler);
    const { master } = mesos();
    const [slave] = ((await getJson(`${master}/slaves`)) as { slaves: { hostname: string }[] }).slaves;
    const machine = { hostname: slave?.hostname, ip: "127.0.0.1" };
    const windows = [{ machine_ids: [machine], unavailability: { start: { nanoseconds: 0 } } }];
    expect(await send(`${master}/maintenance/schedule`, { body: JSON.stringify({ windows }) })).toMatchObject({
      status: 200,
    });
    expect(await send(`${master}/machine/down`, { body: JSON.stringify([machine]) })).toMatchObject({ status: 200 });
    await shutdown(executor);
    expect(isAlive(process.hello.pid)).toBe(true);
    process.exit(0);
    await process.gone;
    await scheduler.stream.nextWhere(
      "failure",
      ({ agentId, executorId }) => !executorId && agentId?.value === offer.agentId?.value,
    );
    expect(operationsAndFailures(scheduler)).toEqual(["operation", "operation", "failure"]);
  });
});

describeEachMesos("an executor of a framework that is torn down", cluster, (mesos) => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  test("is asked to end, and what it tells then is not acknowledged", async () => {
    const scheduler = await subscribe(cleanup, mesos());
    const { process, executor, taskId } = await running(cleanup, scheduler);
    await scheduler.send("TEARDOWN");
    await shutdown(executor);
    expect((await executor.call("UPDATE", { update: { status: executor.status(taskId, TASK_KILLED) } })).status).toBe(
      202,
    );
    await process.gone;
    expect(executor.stream.received.filter(({ event }) => event.acknowledged)).toHaveLength(1);
  });
});
