import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CallsRequest, DeclineOffersRequest, SubscribeRequest } from "../../../gen/mesosbridge/v1/scheduler.js";
import { readAttachRequest } from "../../../server/grpc/attachRequest.js";
import { readHeader } from "../../../server/grpc/callHeader.js";
import { RequestFields } from "../../../server/grpc/requestFields.js";
import { BridgeError } from "../../../server/session/errors.js";
import { doubleField, lengthDelimited, stringField, varintField, WireError } from "../../../wire/proto.js";

const me = "test";

describe("RequestFields", () => {
  test("reads what the generated codec wrote", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 30 });
    fc.assert(
      fc.property(text, fc.array(text), fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }), (name, tokens, tag) => {
        const request = CallsRequest.fromPartial({ header: { frameworkName: name }, ackTokens: tokens, tag });
        const fields = new RequestFields(CallsRequest.encode(request).finish());
        expect(new RequestFields(fields.message(1) ?? Buffer.alloc(0)).string(1)).toBe(Buffer.from(name).toString());
        expect(fields.strings(3)).toEqual(tokens.map((token) => Buffer.from(token).toString()));
        expect(BigInt(fields.varint(4))).toBe(tag);
      }),
    );
  });

  test("fields that are not there", () => {
    const fields = new RequestFields(Buffer.alloc(0));
    expect([
      fields.count(1),
      fields.has(1),
      fields.message(1),
      fields.string(1),
      fields.strings(1),
      fields.varint(1),
      fields.copy(1, 2),
    ]).toEqual([0, false, undefined, "", [], 0, Buffer.alloc(0)]);
  });

  test("the last value of a field counts, and pieces of a message are one", () => {
    const fields = new RequestFields(
      Buffer.concat([
        stringField(1, "first"),
        varintField(4, 1),
        stringField(1, "last"),
        varintField(4, 2),
        lengthDelimited(2, stringField(1, "a")),
        lengthDelimited(2, stringField(2, "b")),
      ]),
    );
    expect([fields.string(1), fields.varint(4)]).toEqual(["last", 2]);
    expect(fields.message(2)).toEqual(Buffer.concat([stringField(1, "a"), stringField(2, "b")]));
  });

  test("a field of another type than expected is as one that is not known", () => {
    const fields = new RequestFields(Buffer.concat([varintField(1, 5), stringField(4, "x"), doubleField(9, 1.5)]));
    expect([fields.string(1), fields.varint(4), fields.has(9)]).toEqual(["", 0, false]);
  });

  test("copies values under another number, byte for byte", () => {
    const value = Buffer.from([0xff, 0, 1]);
    const request = Buffer.concat([lengthDelimited(2, value), lengthDelimited(2, Buffer.alloc(0))]);
    const copied = Buffer.concat([lengthDelimited(7, value), lengthDelimited(7, Buffer.alloc(0))]);
    expect(new RequestFields(request).copy(2, 7)).toEqual(copied);
    expect(new RequestFields(request).count(2)).toBe(2);
  });

  test("garbage is a WireError or fields", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (garbage) => {
        try {
          new RequestFields(garbage).strings(1);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("a call's header", () => {
  const header = (fields: { frameworkName?: string; attachmentId?: string; requestId?: string }) =>
    new RequestFields(DeclineOffersRequest.encode(DeclineOffersRequest.fromPartial({ header: fields })).finish());
  const good = { frameworkName: "name", attachmentId: "attachment" };

  test("is read", () => {
    expect(readHeader(header({ ...good, requestId: "request" }))).toEqual({ ...good, requestId: "request" });
  });

  test.each([
    ["header.framework_name", { attachmentId: "a" }, "is required"],
    ["header.framework_name", { ...good, frameworkName: "x".repeat(256) }, "must be at most 255 bytes"],
    ["header.framework_name", { ...good, frameworkName: "ä".repeat(128) }, "must be at most 255 bytes"],
    ["header.framework_name", { ...good, frameworkName: "a\nb" }, "must not hold control characters"],
    ["header.framework_name", { ...good, frameworkName: "a\u0000" }, "must not hold control characters"],
    ["header.attachment_id", { frameworkName: "n" }, "is required: take it from Opened"],
    ["header.request_id", { ...good, requestId: "x".repeat(129) }, "must be at most 128 bytes"],
  ])("%s of %j %s", (field, fields, description) => {
    expect(() => readHeader(header(fields))).toThrow(
      new BridgeError("INVALID_FIELD", `${field} ${description}`, { violations: [{ field, description }] }),
    );
  });

  test("is required", () => {
    expect(() => readHeader(new RequestFields(Buffer.alloc(0)))).toThrow("header.framework_name is required");
  });
});

describe("a Subscribe", () => {
  const read = (partial: Parameters<typeof SubscribeRequest.fromPartial>[0]) =>
    readAttachRequest(SubscribeRequest.encode(SubscribeRequest.fromPartial(partial)).finish(), me, "peer");

  test("is read", () => {
    expect(
      read({
        frameworkName: "name",
        resume: { attachmentId: "a", afterSequence: 12n },
        lease: { seconds: 90n, nanos: 500_000_000 },
        expiryPolicy: 2,
        suppressedRoles: ["x", "y"],
        replaceRemoved: true,
      }),
    ).toMatchObject({
      identity: me,
      frameworkName: "name",
      frameworkInfo: undefined,
      resume: { attachmentId: "a", afterSequence: 12 },
      leaseMs: 90_500,
      expiryPolicy: "teardown",
      suppressedRoles: ["x", "y"],
      replaceRemoved: true,
    });
    expect(read({ frameworkName: "name" })).toMatchObject({
      resume: undefined,
      leaseMs: undefined,
      expiryPolicy: "disconnect",
      replaceRemoved: false,
    });
  });

  test.each([
    ["framework_name", {}],
    ["lease", { frameworkName: "n", lease: { seconds: -1n, nanos: 0 } }],
    ["expiry_policy", { frameworkName: "n", expiryPolicy: 7 }],
    ["expiry_policy", { frameworkName: "n", expiryPolicy: -1 }],
  ])("a wrong %s is told", (field, partial) => {
    expect(() => read(partial)).toThrow(expect.objectContaining({ violations: [expect.objectContaining({ field })] }));
  });

  test("garbage is a mistake of the client, and nothing else", () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.concat([stringField(1, "n"), lengthDelimited(4, bytes)])),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.concat([stringField(1, "n"), lengthDelimited(3, bytes)])),
    );
    fc.assert(
      fc.property(garbage, (bytes) => {
        try {
          expect(readAttachRequest(bytes, me, "peer").frameworkName).not.toBe("");
        } catch (error) {
          expect(["WireError", "BridgeError"], String(error)).toContain((error as Error).name);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
