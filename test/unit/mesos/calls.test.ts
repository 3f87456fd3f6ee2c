import { describe, expect, test } from "vitest";
import { CallType, idMessage, readAccept, readCall, readIds, readUuid } from "../../../server/mesos/calls.js";
import { lengthDelimited, messageField, varintField } from "../../../wire/proto.js";

describe("a call that comes in pieces is read as Mesos reads it", () => {
  const offer = (id: string) => lengthDelimited(1, idMessage(id));

  test("its payload is all pieces together", () => {
    const type = varintField(2, CallType.DECLINE);
    const { payload } = readCall(Buffer.concat([messageField(5, [offer("a")]), type, messageField(5, [offer("b")])]));
    expect(readIds(payload, 1)).toEqual(["a", "b"]);
  });

  test("so are its launches", () => {
    const launch = (id: string) => messageField(2, [messageField(1, [lengthDelimited(2, idMessage(id))])]);
    const group = (id: string) =>
      messageField(7, [messageField(2, [messageField(1, [lengthDelimited(2, idMessage(id))])])]);
    const operation = messageField(2, [launch("a"), group("b"), launch("c")]);
    const accept = readAccept(Buffer.concat([offer("o"), operation, messageField(2, [launch("d")])]));
    expect(accept.offerIds).toEqual(["o"]);
    expect(accept.tasks.map(({ taskId }) => taskId).sort()).toEqual(["a", "b", "c", "d"]);
  });

  test("of its uuid the last value counts", () => {
    const [first, last] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
    expect(readUuid(Buffer.concat([lengthDelimited(3, first), lengthDelimited(3, last)]))).toEqual(last);
  });
});
