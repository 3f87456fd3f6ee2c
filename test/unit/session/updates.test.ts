import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OperationID, OperationState } from "../../../gen/mesos/v1/mesos.js";
import { Call, Call_Type, Event_UpdateOperationStatus } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { readOperationUpdate } from "../../../server/mesos/events.js";
import { EventLog } from "../../../server/session/eventLog.js";
import {
  OwedUpdates,
  operationAckToken,
  readAckToken,
  taskAckToken,
  updateKey,
} from "../../../server/session/updates.js";
import { body, status } from "./samples.js";

const uuid = fc.uint8Array({ minLength: 16, maxLength: 16 });
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
        const call = Call.decode(read?.call ?? Buffer.alloc(0));
        expect(token).toMatch(/^[\w-]+$/);
        expect(read).toMatchObject({ taskId: update.taskId, key: updateKey(bytes) });
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
        const read = readAckToken(
          operationAckToken(
            operation({
              operation: name,
              uuid: bytes,
              ...(agent === undefined ? {} : { agent }),
              ...(provider === undefined ? {} : { provider }),
            }),
          ),
        );
        const call = Call.decode(read?.call ?? Buffer.alloc(0));
        const acknowledged = call.acknowledgeOperationStatus;
        expect(call.type).toBe(Call_Type.ACKNOWLEDGE_OPERATION_STATUS);
        expect(read).toMatchObject({ taskId: "", key: updateKey(bytes) });
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
    status({ taskId: { value: "task" }, agentId: { value: "agent" }, uuid: Buffer.alloc(16, 7) }),
  );
  const noAgent = taskAckToken(status({ taskId: { value: "task" }, uuid: Buffer.alloc(16, 7) }));
  const shortUuid = taskAckToken(
    status({ taskId: { value: "task" }, agentId: { value: "agent" }, uuid: Buffer.alloc(15, 7) }),
  );
  const noTask = taskAckToken(status({ agentId: { value: "agent" }, uuid: Buffer.alloc(16, 7) }));

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
        if (read) expect(read.key.length).toBe(16);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("what is owed", () => {
  const owed = (taskId: string) => ({ event: new EventLog().append(body(1), 0), taskId, terminal: false });

  test("is new, then owed, then acknowledged", () => {
    const updates = new OwedUpdates();
    const update = owed("task");
    expect(updates.state("k")).toBe("new");
    updates.add("k", update);
    expect([updates.state("k"), updates.size]).toEqual(["owed", 1]);
    expect(updates.acknowledged("k")).toBe(update);
    expect([updates.state("k"), updates.size]).toEqual(["acknowledged", 0]);
    expect(updates.acknowledged("k")).toBeUndefined();
  });

  test("keeps the order of their coming", () => {
    const updates = new OwedUpdates();
    for (const key of ["a", "b", "c"]) updates.add(key, owed(key));
    updates.acknowledged("b");
    expect([...updates.values()].map(({ taskId }) => taskId)).toEqual(["a", "c"]);
  });

  test("an acknowledgement of what never came is remembered too", () => {
    const updates = new OwedUpdates();
    expect(updates.acknowledged("from an earlier run")).toBeUndefined();
    expect(updates.state("from an earlier run")).toBe("acknowledged");
  });

  test("the memory of acknowledged ones is bounded: the oldest go", () => {
    const updates = new OwedUpdates();
    for (let i = 0; i < 20_001; i++) updates.acknowledged(`key-${i}`);
    expect([updates.state("key-0"), updates.state("key-1")]).toEqual(["new", "acknowledged"]);
  });

  test("clear forgets what is owed", () => {
    const updates = new OwedUpdates();
    updates.add("k", owed("task"));
    updates.clear();
    expect([updates.size, updates.state("k")]).toEqual([0, "new"]);
  });
});
