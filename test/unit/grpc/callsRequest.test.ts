import { expect, it } from "vitest";
import { CallsRequest } from "../../../gen/mesosbridge/v1/scheduler.js";
import { readCallsRequest } from "../../../server/grpc/callsRequest.js";

const REVIVE = 5;

it.each([0n, 1n, 127n, 128n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n + 3n, 2n ** 64n - 1n])(
  "keeps the tag %s",
  (tag) => {
    const request = CallsRequest.encode(CallsRequest.fromPartial({ tag })).finish();
    expect(readCallsRequest(request).tag).toBe(tag);
  },
);

it("reads the parts of a request", () => {
  const header = { frameworkName: "name", attachmentId: "attachment", requestId: "request" };
  const request = CallsRequest.fromPartial({ header, call: { type: REVIVE }, ackTokens: ["a", "ö"], tag: 7n });
  const read = readCallsRequest(CallsRequest.encode(request).finish());
  expect(read.tokens).toEqual(["a", "ö"]);
  const again = CallsRequest.decode(
    Buffer.concat([
      part(1, read.header),
      part(2, read.call),
      CallsRequest.encode({ ...request, header: undefined, call: undefined }).finish(),
    ]),
  );
  expect(again).toEqual(request);
});

it("has nothing where nothing was sent", () => {
  expect(readCallsRequest(Buffer.alloc(0))).toEqual({ header: undefined, call: undefined, tokens: [], tag: 0n });
});

function part(field: number, bytes: Uint8Array | undefined): Buffer {
  if (!bytes) throw new Error(`field ${field} is missing`);
  return Buffer.concat([Buffer.from([(field << 3) | 2, bytes.length]), bytes]);
}
