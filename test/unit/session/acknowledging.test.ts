import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OperationID, OperationState, TaskState } from "../../../gen/mesos/v1/mesos.js";
import { Call_Type, Event_Type, Event_UpdateOperationStatus } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { operationAckToken, taskAckToken } from "../../../server/mesos/messages/acknowledgements.js";
import { buildCall, CallType } from "../../../server/mesos/messages/calls.js";
import { readOperationUpdate } from "../../../server/mesos/messages/events.js";
import type { CallAnswer } from "../../../server/session/requestMemory.js";
import { Arrivals } from "../../support/arrivals.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { uuid } from "../../support/scheduler.js";
import { attachRequest, status } from "./samples.js";
import { startSessions } from "./startSessions.js";

const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };
const OK: CallAnswer = { error: undefined, gone: 0 };

let cleanup: Cleanup;
beforeEach(() => {
  cleanup = new Cleanup();
});
afterEach(() => cleanup.run());

/** A client's session, and what it is told. */
async function attached() {
  const { master, sessions } = await startSessions(cleanup, log);
  const { session, attachment } = await sessions.attach(attachRequest("test"), { wake: silent, end: silent });
  const subscription = await master.subscriptions.next();
  await eventually(() => session.linkConnected);
  const answers = new Arrivals<CallAnswer>();
  const { state } = session;
  return {
    master,
    state,
    unacknowledged: () => [...state.unacknowledged.values()].map(({ event }) => event.ackToken),
    send: (...events: Parameters<typeof subscription.send>) => subscription.send(...events),
    acknowledge: (...tokens: string[]) => {
      session.acknowledge(attachment.id, "", tokens, (answer) => answers.push(answer));
      return answers.next();
    },
    call: (type: number, payload: Uint8Array) => {
      session.call(attachment.id, "", buildCall(type, [payload]), (answer) => answers.push(answer));
      return answers.next();
    },
    /** The acknowledgements that the master has been sent, by now. */
    sent: () => master.calls.all.map((request) => request.call()).filter(({ type }) => type === Call_Type.ACKNOWLEDGE),
  };
}

const ids = (taskId: string, agentId: string, of: Buffer) => ({
  taskId: { value: taskId },
  agentId: { value: agentId },
  uuid: of,
});
const token = (taskId: string, agentId: string, of: Buffer) => taskAckToken(status(ids(taskId, agentId, of)));
const update = (taskId: string, agentId: string, of: Buffer, state = TaskState.TASK_FINISHED) => ({
  type: Event_Type.UPDATE,
  update: { status: { ...ids(taskId, agentId, of), state } },
});
const operation = (name: string, of: Buffer, agent: string) => ({
  operationId: OperationID.fromPartial({ value: name }),
  state: OperationState.OPERATION_FINISHED,
  convertedResources: [],
  uuid: { value: of },
  agentId: { value: agent },
});
const operationToken = (name: string, of: Buffer, agent: string) =>
  operationAckToken(
    readOperationUpdate(
      Event_UpdateOperationStatus.encode(
        Event_UpdateOperationStatus.fromPartial({ status: operation(name, of, agent) }),
      ).finish(),
    ),
  );

describe("a token with the uuid of an update, and with other ids", () => {
  test.each([
    ["another task", "other", "agent"],
    ["another agent", "task", "other"],
  ])("of %s leaves the update unacknowledged", async (_, taskId, agentId) => {
    const { unacknowledged, send, acknowledge, sent } = await attached();
    const of = uuid();
    send(update("task", "agent", of));
    await eventually(() => unacknowledged().length === 1);
    await acknowledge(token(taskId, agentId, of));
    expect(unacknowledged()).toEqual([token("task", "agent", of)]);
    expect(await acknowledge(token("task", "agent", of))).toEqual(OK);
    expect(unacknowledged()).toEqual([]);
    expect(sent().at(-1)?.acknowledge).toMatchObject(ids("task", "agent", of));
  });

  test("that comes before the update does not have the update acknowledged", async () => {
    const { unacknowledged, send, acknowledge, sent } = await attached();
    const of = uuid();
    await acknowledge(token("other", "agent", of));
    send(update("task", "agent", of));
    await eventually(() => unacknowledged().length === 1);
    expect(sent().filter(({ acknowledge: call }) => call?.taskId?.value === "task")).toEqual([]);
  });

  test("leaves an operation's update unacknowledged", async () => {
    const { unacknowledged, send, acknowledge } = await attached();
    const of = uuid();
    const updateOperationStatus = { status: operation("o", of, "agent") };
    send({ type: Event_Type.UPDATE_OPERATION_STATUS, updateOperationStatus });
    await eventually(() => unacknowledged().length === 1);
    await acknowledge(operationToken("other", of, "agent"), operationToken("o", of, "other"));
    expect(unacknowledged()).toEqual([operationToken("o", of, "agent")]);
    expect(await acknowledge(operationToken("o", of, "agent"))).toEqual(OK);
    expect(unacknowledged()).toEqual([]);
  });

  test("of a Call leaves the update unacknowledged too", async () => {
    const { unacknowledged, send, call } = await attached();
    const of = uuid();
    send(update("task", "agent", of));
    await eventually(() => unacknowledged().length === 1);
    const payload = (taskId: string) => Buffer.from(token(taskId, "agent", of).slice(1), "base64url");
    await call(CallType.ACKNOWLEDGE, payload("other"));
    expect(unacknowledged()).toHaveLength(1);
    await call(CallType.ACKNOWLEDGE, payload("task"));
    expect(unacknowledged()).toEqual([]);
  });
});

test("of a token only what was read of it is sent", async () => {
  const { acknowledge, sent } = await attached();
  const of = uuid();
  const good = Buffer.from(token("task", "agent", of).slice(1), "base64url");
  const padded = Buffer.concat([good, Buffer.from("a206017a", "hex")]);
  expect(await acknowledge(`t${padded.toString("base64url")}`)).toEqual(OK);
  expect(sent()).toHaveLength(1);
  expect(sent()[0]?.acknowledge).toMatchObject(ids("task", "agent", of));
  expect(sent()[0]?.acknowledge?._unknownFields ?? {}).toEqual({});
});

describe("an update whose uuid Mesos would not take", () => {
  test.each([
    ["of 15 bytes", Buffer.alloc(15, 0x44)],
    ["of 17 bytes", Buffer.alloc(17, 0x44)],
    ["without a version", Buffer.alloc(16, 0x07)],
  ])("(%s) comes without a token, as one that needs no acknowledgement", async (_, of) => {
    const { state, unacknowledged, send } = await attached();
    send(update("task", "agent", of));
    await eventually(() => state.withoutToken.events().length === 1);
    expect(state.withoutToken.events()[0]?.ackToken).toBe("");
    expect(unacknowledged()).toEqual([]);
    const status = operation("o", of, "agent");
    send({ type: Event_Type.UPDATE_OPERATION_STATUS, updateOperationStatus: { status } });
    await eventually(() => state.withoutToken.events().length === 2);
    expect(state.withoutToken.events()[1]?.ackToken).toBe("");
    expect(unacknowledged()).toEqual([]);
  });
});
