import { describe, expect, test } from "vitest";
import { CallType, idMessage, readAccept, readCall, readIds } from "../../../server/mesos/messages/calls.js";
import { lengthDelimited, messageField, varintField } from "../../../wire/proto.js";

describe("a call that comes in pieces is read as Mesos reads it", () => {
  const offer = (id: string) => lengthDelimited(1, idMessage(id));

  test("its payload is all pieces together", () => {
    const type = varintField(2, CallType.DECLINE);
    const { payload } = readCall(Buffer.concat([messageField(5, [offer("a")]), type, messageField(5, [offer("b")])]));
    expect(readIds(payload, 1)).toEqual(["a", "b"]);
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
