import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OperationState, TaskState, TaskStatus_Reason } from "../../../gen/mesos/v1/mesos.js";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { AnsweringMaster, type FakeSubscription } from "../../support/answeringMaster.js";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeScheduler, mesosField } from "../../support/bridgeScheduler.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { frameworkInfo, unique } from "../../support/messages.js";
import { uuid } from "../../support/scheduler.js";

/** Mesos sends what needs no acknowledgement once: a TASK_LOST of the master's own, an answer to reconciliation. */
describe("updates that Mesos does not repeat", () => {
  const cleanup = new Cleanup();
  let master: AnsweringMaster;
  let bridge: Bridge;
  let subscription: FakeSubscription;
  let scheduler: BridgeScheduler;
  const frameworkName = unique("tokenless");
  const request = { frameworkName, frameworkInfo: frameworkInfo() };
  beforeEach(async () => {
    master = cleanup.use(await AnsweringMaster.start());
    bridge = cleanup.use(await startBridge({ master: master.host }));
    scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address, request));
    await scheduler.linked();
    subscription = await master.subscriptions.next();
    await scheduler.mesos("subscribed");
  });
  afterEach(() => cleanup.run());

  const lost = (taskId: string) => ({
    type: Event_Type.UPDATE,
    update: {
      status: {
        taskId: { value: taskId },
        agentId: { value: "agent" },
        state: TaskState.TASK_LOST,
        reason: TaskStatus_Reason.REASON_AGENT_REMOVED,
      },
    },
  });

  /** The client's stream ends, and the bridge has noticed. */
  async function leave(): Promise<void> {
    scheduler.stream.cancel();
    await eventually(async () => {
      const { response } = await scheduler.client.call("listFrameworks", {});
      return response?.frameworks.some((each) => !each.attached) ? true : undefined;
    });
  }

  /** Another client attaches; what its snapshot says of tasks. */
  async function snapshot(): Promise<{ next: BridgeScheduler; tasks: Array<string | undefined> }> {
    const next = cleanup.use(await BridgeScheduler.attach(bridge.address, request));
    await next.snapshotEnd();
    const tasks = next.stream.received.flatMap(({ event }) =>
      event?.$case === "mesos" && event.value.update ? [event.value.update.status?.taskId?.value] : [],
    );
    return { next, tasks };
  }

  test("come to the next client if no client was there, and once", async () => {
    const watch = scheduler.client.stream("watchStatusUpdates", { frameworkName });
    await watch.connected;
    await leave();
    subscription.send(lost("t1"), lost("t2"));
    await watch.next(({ status }) => status?.taskId?.value === "t2");
    const { tasks } = await snapshot();
    expect(tasks).toEqual(["t1", "t2"]);
    expect((await snapshot()).tasks).toEqual([]);
  });

  test("of operations come to the next client too, the last of each, and once", async () => {
    const watch = scheduler.client.stream("watchEvents", { frameworkName });
    await watch.connected;
    await leave();
    const say = (id: string | undefined, state: OperationState, more = {}) => {
      const operationId = id === undefined ? undefined : { value: id };
      const status = { operationId, state, convertedResources: [], ...more };
      subscription.send({ type: Event_Type.UPDATE_OPERATION_STATUS, updateOperationStatus: { status } });
    };
    say("failed", OperationState.OPERATION_ERROR);
    say("seen twice", OperationState.OPERATION_UNREACHABLE);
    say("seen twice", OperationState.OPERATION_GONE_BY_OPERATOR);
    say("acknowledged", OperationState.OPERATION_UNREACHABLE);
    say("acknowledged", OperationState.OPERATION_FINISHED, { uuid: { value: uuid() }, agentId: { value: "agent" } });
    say(undefined, OperationState.OPERATION_ERROR);
    // A task of the same name is something else.
    subscription.send(lost("failed"));
    await watch.next(({ event }) => event !== undefined && mesosField(event, "update") !== undefined);
    const told = async () => {
      const { next } = await snapshot();
      return next.stream.received.flatMap((event) => {
        const status = mesosField(event, "updateOperationStatus")?.status;
        return status ? [[status.operationId?.value, status.state, event.ackToken !== ""]] : [];
      });
    };
    const owed = ["acknowledged", OperationState.OPERATION_FINISHED, true];
    expect(await told()).toEqual([
      owed,
      ["failed", OperationState.OPERATION_ERROR, false],
      ["seen twice", OperationState.OPERATION_GONE_BY_OPERATOR, false],
    ]);
    expect(await told()).toEqual([owed]);
  });

  test("are asked for again by a bridge that crashed before a client had them", async () => {
    const running = (taskId: string) => {
      const status = { taskId: { value: taskId }, agentId: { value: "agent" }, state: TaskState.TASK_RUNNING };
      return { type: Event_Type.UPDATE, update: { status: { ...status, uuid: uuid() } } };
    };
    subscription.send(running("t1"), running("t2"));
    for (const id of ["t1", "t2"]) await scheduler.update(id);
    const watch = scheduler.client.stream("watchStatusUpdates", { frameworkName });
    await watch.connected;
    // Of the first the client has heard.
    subscription.send(lost("t1"));
    await scheduler.update("t1");
    await leave();
    subscription.send(lost("t2"));
    await watch.next(({ status }) => status?.taskId?.value === "t2" && status.state === TaskState.TASK_LOST);
    await bridge.kill();
    await bridge.restart();
    subscription = await master.subscriptions.next();
    const reconcile = (await master.call("RECONCILE")).call().reconcile;
    expect(reconcile?.tasks.map(({ taskId }) => taskId?.value)).toEqual(["t2"]);
    subscription.send(lost("t2"));
    const { next } = await snapshot();
    expect((await next.update("t2")).state).toBe(TaskState.TASK_LOST);
  });

  test("that say that Mesos does not know a task end the asking, until it says otherwise", async () => {
    const status = { taskId: { value: "t1" }, agentId: { value: "agent" } };
    const say = (state: TaskState, more = {}) =>
      subscription.send({ type: Event_Type.UPDATE, update: { status: { ...status, state, ...more } } });
    const active = async () => {
      const { response } = await scheduler.client.call("listFrameworks", {});
      return response?.frameworks.find((each) => each.frameworkName === frameworkName)?.activeTasks;
    };
    say(TaskState.TASK_UNKNOWN);
    await scheduler.update("t1");
    expect(await active()).toBe(0);
    say(TaskState.TASK_RUNNING, { uuid: uuid() });
    await scheduler.update("t1");
    expect(await active()).toBe(1);
    say(TaskState.TASK_UNKNOWN);
    await scheduler.update("t1");
    // The next one without a token has that forgotten which was read before.
    subscription.send(lost("t2"));
    await scheduler.update("t2");
    await leave();
    await bridge.kill();
    await bridge.restart();
    await master.subscriptions.next();
    const next = cleanup.use(await BridgeScheduler.attach(bridge.address, request));
    await next.linked();
    await next.ok("reviveOffers");
    await master.call("REVIVE");
    expect(master.calls.waiting).toBe(0);
    expect(await active()).toBe(0);
  });

  test("are not told again to a client whose predecessor had them", async () => {
    subscription.send(lost("t1"));
    await scheduler.update("t1");
    expect((await snapshot()).tasks).toEqual([]);
  });

  test("give way to a newer update that waits for its acknowledgement", async () => {
    const watch = scheduler.client.stream("watchStatusUpdates", { frameworkName });
    await watch.connected;
    await leave();
    const running = {
      taskId: { value: "t1" },
      agentId: { value: "agent" },
      state: TaskState.TASK_RUNNING,
      uuid: uuid(),
    };
    subscription.send(lost("t1"), { type: Event_Type.UPDATE, update: { status: running } });
    await watch.next(({ status }) => status?.state === TaskState.TASK_RUNNING);
    const { next } = await snapshot();
    expect((await next.update("t1")).state).toBe(TaskState.TASK_RUNNING);
    expect(next.stream.waiting(({ event }) => event?.$case === "mesos" && event.value.update !== undefined)).toEqual(
      [],
    );
  });
});
