import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Call } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import {
  buildCall,
  CallType,
  idMessage,
  readAccept,
  readCall,
  readIds,
  withFrameworkId,
} from "../../../server/mesos/messages/calls.js";
import { lengthDelimited, messageField, stringField, varintField } from "../../../wire/proto.js";

describe("a call that comes in pieces is read as Mesos reads it", () => {
  const offer = (id: string) => lengthDelimited(1, idMessage(id));

  test("its payload is all pieces together", () => {
    const type = varintField(2, CallType.DECLINE);
    const { payload } = readCall(Buffer.concat([messageField(5, [offer("a")]), type, messageField(5, [offer("b")])]));
    expect(readIds(payload, 1)).toEqual(["a", "b"]);
  });
});

test("a call is built as it is read, whatever its type and payload", () => {
  const types = Object.values(CallType)
    .filter((type) => typeof type === "number")
    .filter((type) => type > 0);
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.array(fc.uint8Array({ maxLength: 200 })), (type, parts) => {
      const hasPayload = !NO_PAYLOAD.has(type);
      const built = buildCall(type, hasPayload ? parts : []);
      expect(Buffer.from(built.payload)).toEqual(Buffer.concat(hasPayload ? parts : []));
      const { bytes, ...read } = readCall(built.bytes);
      expect(bytes).toBe(built.bytes);
      expect(read.type).toBe(type);
      expect(Buffer.from(read.payload)).toEqual(Buffer.from(built.payload));
    }),
  );
});

const NO_PAYLOAD: ReadonlySet<number> = new Set([CallType.TEARDOWN]);

describe("a call as a client wrote it", () => {
  const ids = Buffer.concat(["a", "b"].map((id) => lengthDelimited(1, idMessage(id))));
  const [decline, type] = [lengthDelimited(5, ids), varintField(2, CallType.DECLINE)];
  const others = [stringField(15_000, "later"), lengthDelimited(6, Buffer.alloc(3)), stringField(1, "its own id")];
  test.each([
    ["in the order of its fields", [type, decline]],
    ["payload first", [decline, type]],
    ["among others", [...others, decline, type, ...others]],
  ])("is read %s", (_, parts) => {
    const call = readCall(Buffer.concat(parts));
    expect([call.type, Buffer.from(call.payload)]).toEqual([CallType.DECLINE, ids]);
  });

  test.each([
    ["of a type that has none", [varintField(2, CallType.TEARDOWN), decline]],
    ["of a type that does not exist", [varintField(2, 99), decline]],
    ["without a type", [decline]],
    ["that lacks it", [type]],
  ])("has no payload if it is one %s", (_, parts) => {
    expect(readCall(Buffer.concat(parts)).payload.length).toBe(0);
  });

  test("is made with the id that the bridge gives it", () => {
    const own = lengthDelimited(1, idMessage("its own"));
    const { type: sent, bytes, frameworkId } = withFrameworkId(readCall(Buffer.concat([own, type, decline])), "given");
    const call = Call.decode(Buffer.concat([bytes, frameworkId]));
    expect([sent, call.frameworkId?.value]).toEqual([CallType.DECLINE, "given"]);
    expect(call.decline?.offerIds.map(({ value }) => value)).toEqual(["a", "b"]);
  });
});

describe("the tasks of an ACCEPT", () => {
  const LAUNCH = 1;
  const RESERVE = 2;
  const LAUNCH_GROUP = 6;
  const offer = lengthDelimited(1, idMessage("offer"));
  const tasks = (...ids: string[]) => ids.map((id) => messageField(1, [lengthDelimited(2, idMessage(id))]));
  const launch = (...ids: string[]) => messageField(2, tasks(...ids));
  const group = (...ids: string[]) => messageField(7, [messageField(2, tasks(...ids))]);
  const operation = (...parts: Uint8Array[]) => messageField(2, parts);
  const launched = (...operations: Uint8Array[]) =>
    readAccept(Buffer.concat([offer, ...operations])).tasks.map(({ taskId }) => taskId);

  test("are those of all its launches, in their order", () => {
    const operations = [
      operation(varintField(1, LAUNCH), launch("a", "b")),
      operation(group("c", "d"), varintField(1, LAUNCH_GROUP)),
      operation(launch("e"), varintField(1, LAUNCH)),
    ];
    expect(launched(...operations)).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("are not those that lie in operations of other types", () => {
    expect(launched(operation(varintField(1, RESERVE), launch("a"), group("b")))).toEqual([]);
    expect(launched(operation(launch("a")))).toEqual([]);
    expect(launched(operation(varintField(1, LAUNCH), launch("a"), group("b")))).toEqual(["a"]);
    expect(launched(operation(varintField(1, LAUNCH_GROUP), launch("a"), group("b")))).toEqual(["b"]);
  });
});
