import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OperationState, TaskState } from "../../../gen/mesos/v1/mesos.js";
import { Event, Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { buildCall, CallType } from "../../../server/mesos/messages/calls.js";
import { EventLog } from "../../../server/session/eventLog.js";
import { UpdatesWithoutToken } from "../../../server/session/updatesWithoutToken.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { attachRequest, body } from "./samples.js";
import { startSessions } from "./startSessions.js";

const KEPT = 10_000;

describe("what is kept of updates without a token", () => {
  const log = new EventLog();
  const event = () => log.append(body(1), 0);
  const full = (updates: UpdatesWithoutToken) => {
    for (let i = 0; i < KEPT; i++) updates.addTask(`task-${i}`, event(), true);
  };

  test("is the last of each task and operation, in their order, until a client has read it", () => {
    const updates = new UpdatesWithoutToken();
    updates.addTask("same", event(), false);
    const [operation, last] = [event(), event()];
    updates.addOperation("same", operation);
    updates.addTask("same", last, true);
    expect(updates.events()).toEqual([operation, last]);
    expect(updates.forgetRead(operation.sequence)).toEqual([]);
    expect(updates.events()).toEqual([last]);
    expect(updates.forgetRead(last.sequence)).toEqual(["same"]);
    expect([updates.events(), updates.hasTask("same")]).toEqual([[], false]);
  });

  test("is bounded; that the first one had to go is said once", () => {
    const updates = new UpdatesWithoutToken();
    full(updates);
    expect(updates.dropped).toEqual({ tasks: 0, operations: 0 });
    expect(updates.addTask("one more", event(), true)).toBe(true);
    expect(updates.addTask("and more", event(), true)).toBe(false);
    expect(updates.dropped).toEqual({ tasks: 2, operations: 0 });
    expect([updates.hasTask("task-1"), updates.hasTask("task-2")]).toEqual([false, true]);
    updates.forgetDropped();
    expect(updates.addTask("yet more", event(), true)).toBe(true);
  });

  test("of an operation does not go for any number of tasks", () => {
    const updates = new UpdatesWithoutToken();
    const operation = event();
    updates.addOperation("o", operation);
    full(updates);
    updates.addTask("one more", event(), true);
    expect(updates.events()[0]).toBe(operation);
  });

  test("is not missed by a client that has read what was dropped from its stream", () => {
    const updates = new UpdatesWithoutToken();
    const first = event();
    updates.addTask("first", first, true);
    full(updates);
    updates.forgetRead(first.sequence - 1);
    expect(updates.dropped.tasks).toBe(1);
    updates.forgetRead(first.sequence);
    expect(updates.dropped.tasks).toBe(0);
  });
});

describe("a client that comes after more updates than are kept", () => {
  let cleanup: Cleanup;
  beforeEach(() => {
    cleanup = new Cleanup();
  });
  afterEach(() => cleanup.run());

  const silent = () => {};
  const EXTRA = 5;
  const status = (taskId: string, state: TaskState) => ({
    type: Event_Type.UPDATE,
    update: { status: { taskId: { value: taskId }, agentId: { value: "agent" }, state } },
  });

  async function detached() {
    const warnings: object[] = [];
    const log = { debug: silent, info: silent, error: silent, warn: (fields: object) => warnings.push(fields) };
    const { master, sessions } = await startSessions(cleanup, log as never);
    const attach = () => sessions.attach(attachRequest("test"), { wake: silent, end: silent });
    const { session, attachment } = await attach();
    const { send, sendBytes } = await master.subscriptions.next();
    await eventually(() => session.linkConnected);
    session.clients.detach(attachment);
    const state = session.state;
    const ofTasks = (value: TaskState) =>
      Array.from({ length: KEPT + EXTRA }, (_, i) =>
        Event.encode(Event.fromPartial(status(`task-${i}`, value))).finish(),
      );
    return { master, session, attach, send, sendBytes, state, ofTasks, warnings };
  }

  test("gets them as answers of Mesos, also of tasks that have ended", async () => {
    const { master, attach, sendBytes, state, ofTasks, warnings } = await detached();
    sendBytes(...ofTasks(TaskState.TASK_RUNNING));
    await eventually(() => state.tasks.activeCount === KEPT + EXTRA);
    expect(warnings).toEqual([{ framework: "test" }]);
    sendBytes(...ofTasks(TaskState.TASK_LOST));
    await eventually(() => state.tasks.activeCount === 0);
    await attach();
    const call = (await master.call("RECONCILE")).call();
    const asked = call.reconcile?.tasks.map((task) => [task.taskId?.value, task.agentId?.value]);
    expect(asked?.toSorted()).toEqual(Array.from({ length: EXTRA }, (_, i) => [`task-${i}`, "agent"]));
    expect(warnings.at(-1)).toMatchObject({ framework: "test", operations: 0 });
    expect(warnings).toHaveLength(2);
  });

  test("has all operations asked for, if updates of operations went", async () => {
    const { master, attach, sendBytes, state } = await detached();
    const operations = Array.from({ length: KEPT + 1 }, (_, i) => {
      const operationId = { value: `o-${i}` };
      const of = { operationId, state: OperationState.OPERATION_UNREACHABLE, convertedResources: [] };
      const type = Event_Type.UPDATE_OPERATION_STATUS;
      return Event.encode(Event.fromPartial({ type, updateOperationStatus: { status: of } })).finish();
    });
    sendBytes(...operations);
    await eventually(() => state.withoutToken.dropped.operations === 1);
    await attach();
    expect((await master.call("RECONCILE_OPERATIONS")).call().reconcileOperations?.operations).toEqual([]);
  });

  test("that were not too many has nothing asked", async () => {
    const { master, session, attach, send, state } = await detached();
    send(status("task", TaskState.TASK_LOST));
    await eventually(() => state.withoutToken.hasTask("task"));
    const { attachment } = await attach();
    session.call(attachment.id, "", buildCall(CallType.REVIVE), silent);
    await master.call("REVIVE");
    expect(master.calls.all.map((request) => request.call().type)).not.toContain(9);
  });
});
