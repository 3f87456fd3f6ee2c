import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OperationID, OperationState } from "../../../gen/mesos/v1/mesos.js";
import { Call, Call_Type, Event_UpdateOperationStatus } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import {
  operationAckToken,
  operationUpdateKey,
  readAckToken,
  taskAckToken,
  taskUpdateKey,
} from "../../../server/mesos/messages/acknowledgements.js";
import { readOperationUpdate } from "../../../server/mesos/messages/events.js";
import { EventLog } from "../../../server/session/eventLog.js";
import { UnacknowledgedUpdates } from "../../../server/session/unacknowledgedUpdates.js";
import { body, status } from "./samples.js";

const uuid = fc
  .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.integer({ min: 1, max: 5 }))
  .map(([bytes, version]) => Uint8Array.from(bytes, (byte, i) => (i === 6 ? version * 16 + (byte & 0x0f) : byte)));
const id = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 });

function operation(partial: { operation: string; uuid: Uint8Array; agent?: string; provider?: string }) {
  const message = Event_UpdateOperationStatus.fromPartial({
    status: {
      operationId: OperationID.fromPartial({ value: partial.operation }),
      state: OperationState.OPERATION_FINISHED,
      uuid: { value: Buffer.from(partial.uuid) },
      agentId: partial.agent === undefined ? undefined : { value: partial.agent },
      resourceProviderId: partial.provider === undefined ? undefined : { value: partial.provider },
    },
  });
  return readOperationUpdate(Event_UpdateOperationStatus.encode(message).finish());
}

describe("tokens", () => {
  test("of a task's update hold all that Mesos needs to take the acknowledgement", () => {
    fc.assert(
      fc.property(id, id, uuid, (task, agent, bytes) => {
        const update = status({ taskId: { value: task }, agentId: { value: agent }, uuid: Buffer.from(bytes) });
        const token = taskAckToken(update);
        const read = readAckToken(token);
        const call = Call.decode(read?.call.bytes ?? Buffer.alloc(0));
        expect(token).toMatch(/^[\w-]+$/);
        expect(read?.key).toBe(taskUpdateKey(update));
        expect(call.type).toBe(Call_Type.ACKNOWLEDGE);
        expect(call.acknowledge).toMatchObject({
          agentId: { value: update.agentId },
          taskId: { value: update.taskId },
          uuid: Buffer.from(bytes),
        });
      }),
    );
  });

  test("of an operation's update do too", () => {
    const optional = fc.option(id, { nil: undefined });
    fc.assert(
      fc.property(id, uuid, optional, optional, (name, bytes, agent, provider) => {
        const update = operation({
          operation: name,
          uuid: bytes,
          ...(agent === undefined ? {} : { agent }),
          ...(provider === undefined ? {} : { provider }),
        });
        const read = readAckToken(operationAckToken(update));
        const call = Call.decode(read?.call.bytes ?? Buffer.alloc(0));
        const acknowledged = call.acknowledgeOperationStatus;
        expect(call.type).toBe(Call_Type.ACKNOWLEDGE_OPERATION_STATUS);
        expect(read?.key).toBe(operationUpdateKey(update));
        expect(acknowledged?.operationId?.value).toBe(Buffer.from(name).toString());
        expect(acknowledged?.uuid).toEqual(Buffer.from(bytes));
        expect(acknowledged?.agentId?.value).toBe(agent === undefined ? undefined : Buffer.from(agent).toString());
        expect(acknowledged?.resourceProviderId?.value).toBe(
          provider === undefined ? undefined : Buffer.from(provider).toString(),
        );
      }),
    );
  });

  const good = taskAckToken(
    status({ taskId: { value: "task" }, agentId: { value: "agent" }, uuid: Buffer.alloc(16, 0x47) }),
  );
  const noAgent = taskAckToken(status({ taskId: { value: "task" }, uuid: Buffer.alloc(16, 0x47) }));
  const shortUuid = taskAckToken(
    status({ taskId: { value: "task" }, agentId: { value: "agent" }, uuid: Buffer.alloc(15, 7) }),
  );
  const noVersion = taskAckToken(
    status({ taskId: { value: "task" }, agentId: { value: "agent" }, uuid: Buffer.alloc(16, 7) }),
  );
  const noTask = taskAckToken(status({ agentId: { value: "agent" }, uuid: Buffer.alloc(16, 0x47) }));

  test.each([
    ["nothing", ""],
    ["a prefix alone", "t"],
    ["another prefix", `x${good.slice(1)}`],
    ["a task's token as an operation's", `o${good.slice(1)}`],
    ["a cut token", good.slice(0, -4)],
    ["a space", `${good} `],
    ["a newline", `${good}\n`],
    ["other letters", `${good}=`],
    ["a text", "token"],
    ["no agent", noAgent],
    ["a short uuid", shortUuid],
    ["a uuid without a version", noVersion],
    ["no task", noTask],
    ["a task in a field of another type", `t${Buffer.from("1001", "hex").toString("base64url")}`],
  ])("%s is no token", (_, token) => {
    expect(readAckToken(token)).toBeUndefined();
  });

  test("garbage is no token, or one of this very form, and never an error", () => {
    const wild = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.uint8Array().map((bytes) => `t${Buffer.from(bytes).toString("base64url")}`),
      fc.uint8Array().map((bytes) => `o${Buffer.from(bytes).toString("base64url")}`),
    );
    fc.assert(
      fc.property(wild, (token) => {
        const read = readAckToken(token);
        if (read) expect(read.key.length).toBeGreaterThan(16);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("the key of an update", () => {
  const bytes = Buffer.alloc(16, 0x44);
  const ids = (taskId: string, agentId: string, of = bytes) =>
    status({ taskId: { value: taskId }, agentId: { value: agentId }, uuid: of });

  test("is that of its token", () => {
    const update = ids("task", "agent");
    expect(readAckToken(taskAckToken(update))?.key).toBe(taskUpdateKey(update));
  });

  test("differs if the uuid, the task or the agent does", () => {
    const others = [ids("task2", "agent"), ids("task", "agent2"), ids("tas", "kagent"), ids("agent", "task")];
    const all = [ids("task", "agent"), ...others, ids("task", "agent", Buffer.alloc(16, 0x45))];
    expect(new Set(all.map(taskUpdateKey)).size).toBe(all.length);
    const operations = [
      operation({ operation: "o", uuid: bytes, agent: "a" }),
      operation({ operation: "o2", uuid: bytes, agent: "a" }),
      operation({ operation: "o", uuid: bytes, agent: "a2" }),
      operation({ operation: "o", uuid: bytes, provider: "a" }),
    ];
    expect(new Set(operations.map(operationUpdateKey)).size).toBe(operations.length);
  });

  test.each([
    ["no uuid", Buffer.alloc(0)],
    ["15 bytes", Buffer.alloc(15, 0x44)],
    ["17 bytes", Buffer.alloc(17, 0x44)],
    ["a text", Buffer.from("5b2c8f0e-7d4a-4b7e-9f00-1a2b3c4d5e6f")],
    ["no version", Buffer.alloc(16, 0x04)],
    ["a version that Mesos does not know", Buffer.alloc(16, 0x77)],
  ])("is empty with %s, which Mesos does not take", (_, of) => {
    expect(taskUpdateKey(ids("task", "agent", of))).toBe("");
    expect(operationUpdateKey(operation({ operation: "o", uuid: of, agent: "a" }))).toBe("");
  });

  test("is empty without a task, an agent or an operation", () => {
    expect([taskUpdateKey(ids("", "agent")), taskUpdateKey(ids("task", ""))]).toEqual(["", ""]);
    expect(operationUpdateKey(operation({ operation: "", uuid: bytes }))).toBe("");
  });
});

describe("what is unacknowledged", () => {
  const unacknowledged = (taskId: string) => ({ event: new EventLog().append(body(1), 0), taskId, terminal: false });

  test("is new, then unacknowledged, then acknowledged", () => {
    const updates = new UnacknowledgedUpdates();
    const update = unacknowledged("task");
    expect(updates.state("k")).toBe("new");
    updates.add("k", update);
    expect([updates.state("k"), updates.size]).toEqual(["unacknowledged", 1]);
    expect(updates.acknowledged("k")).toBe(update);
    expect([updates.state("k"), updates.size]).toEqual(["acknowledged", 0]);
    expect(updates.acknowledged("k")).toBeUndefined();
  });

  test("keeps the order of their coming", () => {
    const updates = new UnacknowledgedUpdates();
    for (const key of ["a", "b", "c"]) updates.add(key, unacknowledged(key));
    updates.acknowledged("b");
    expect([...updates.values()].map(({ taskId }) => taskId)).toEqual(["a", "c"]);
  });

  test("an acknowledgement of what never came is remembered too", () => {
    const updates = new UnacknowledgedUpdates();
    expect(updates.acknowledged("from an earlier run")).toBeUndefined();
    expect(updates.state("from an earlier run")).toBe("acknowledged");
  });

  test("the memory of acknowledged ones is bounded: the oldest go", () => {
    const updates = new UnacknowledgedUpdates();
    for (let i = 0; i < 20_001; i++) updates.acknowledged(`key-${i}`);
    expect([updates.state("key-0"), updates.state("key-1")]).toEqual(["new", "acknowledged"]);
  });

  test("clear forgets what is unacknowledged", () => {
    const updates = new UnacknowledgedUpdates();
    updates.add("k", unacknowledged("task"));
    updates.clear();
    expect([updates.size, updates.state("k")]).toEqual([0, "new"]);
  });
});
