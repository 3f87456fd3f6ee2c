import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Offer, TaskStatus } from "../../../gen/mesos/v1/mesos.js";
import { Event, Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import {
  doubleField,
  FIXED32,
  FIXED64,
  LENGTH_DELIMITED,
  lengthDelimited,
  lengthDelimitedSize,
  messageField,
  NestingError,
  ProtoReader,
  stringField,
  submessages,
  VARINT,
  varintField,
  varintSize,
  WireError,
  writeLengthDelimitedHead,
  writeVarint,
} from "../../../wire/proto.js";

/** A field as it is written, and as it is to be read. */
type Field =
  | { no: number; type: typeof VARINT; value: number }
  | { no: number; type: typeof FIXED64; value: number }
  | { no: number; type: typeof FIXED32; value: number }
  | { no: number; type: typeof LENGTH_DELIMITED; value: Uint8Array }
  | { no: number; type: "group"; value: readonly number[] };

const fieldNumber = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 0x1fffffff }));
const wholeNumber = fc.oneof(fc.maxSafeNat(), fc.nat({ max: 300 }), fc.constantFrom(127, 128, 16383, 16384, 2 ** 32));

const anyField: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ no: fieldNumber, type: fc.constant(VARINT), value: wholeNumber }),
  fc.record({ no: fieldNumber, type: fc.constant(FIXED64), value: fc.double() }),
  fc.record({ no: fieldNumber, type: fc.constant(FIXED32), value: fc.nat() }),
  fc.record({ no: fieldNumber, type: fc.constant(LENGTH_DELIMITED), value: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ no: fieldNumber, type: fc.constant("group" as const), value: fc.array(fieldNumber, { maxLength: 4 }) }),
);

/** The fields, written by another implementation. */
function written(fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const { no, type, value } of fields) {
    if (type === VARINT) writer.tag(no, WireType.Varint).uint64(value);
    else if (type === FIXED64) writer.tag(no, WireType.Bit64).double(value);
    else if (type === FIXED32) writer.tag(no, WireType.Bit32).fixed32(value);
    else if (type === LENGTH_DELIMITED) writer.tag(no, WireType.LengthDelimited).bytes(value);
    else {
      writer.tag(no, WireType.StartGroup);
      for (const inner of value) writer.tag(inner, WireType.Varint).uint64(inner);
      writer.tag(no, WireType.EndGroup);
    }
  }
  return writer.finish();
}

/** What a reader sees at the top of a message; values that it does not take are undefined. */
function readAll(bytes: Uint8Array): Array<{ no: number; value: unknown }> {
  const reader = new ProtoReader(bytes);
  const seen: Array<{ no: number; value: unknown }> = [];
  while (reader.next()) {
    const no = reader.field;
    if (reader.wireType === VARINT) seen.push({ no, value: reader.varint() });
    else if (reader.wireType === FIXED64) seen.push({ no, value: reader.double() });
    else if (reader.wireType === LENGTH_DELIMITED) seen.push({ no, value: Buffer.from(reader.bytes()) });
    else seen.push({ no, value: undefined });
  }
  return seen;
}

/** Reads everything that looks like a message, however deep. Gives how many fields there were. */
function readDeeply(reader: ProtoReader, depth = 0): number {
  let fields = 0;
  while (reader.next()) {
    fields++;
    if (reader.wireType !== LENGTH_DELIMITED || depth > 20) continue;
    const inner = reader.message();
    try {
      fields += readDeeply(inner, depth + 1);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
  return fields;
}

/** True if another implementation finds the message well-formed. */
function wellFormedElsewhere(bytes: Uint8Array): boolean {
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [no, type] = reader.tag();
      reader.skip(type, no);
    }
    return reader.pos === reader.len;
  } catch {
    return false;
  }
}

function wellFormedHere(bytes: Uint8Array): boolean {
  const reader = new ProtoReader(bytes);
  try {
    while (reader.next());
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    return false;
  }
}

describe("ProtoReader", () => {
  test("reads what another implementation wrote", () => {
    fc.assert(
      fc.property(fc.array(anyField, { maxLength: 12 }), (fields) => {
        const expected = fields.map(({ no, type, value }) => ({
          no,
          value:
            type === LENGTH_DELIMITED ? Buffer.from(value) : type === VARINT || type === FIXED64 ? value : undefined,
        }));
        expect(readAll(written(fields))).toEqual(expected);
      }),
    );
  });

  test("cuts a message into its raw fields, and nothing is lost", () => {
    fc.assert(
      fc.property(fc.array(anyField, { maxLength: 12 }), fc.array(fc.boolean()), (fields, take) => {
        const bytes = written(fields);
        const reader = new ProtoReader(bytes);
        const parts: Uint8Array[] = [];
        for (let i = 0; reader.next(); i++) {
          if (take[i] && reader.wireType === LENGTH_DELIMITED) reader.bytes();
          parts.push(reader.rawField());
        }
        expect(Buffer.concat(parts)).toEqual(Buffer.from(bytes));
        expect(parts.length).toBe(fields.length);
      }),
    );
  });

  test("reads within its bounds only", () => {
    fc.assert(
      fc.property(fc.array(anyField), fc.uint8Array(), fc.uint8Array(), (fields, before, after) => {
        const bytes = written(fields);
        const framed = Buffer.concat([before, bytes, after]);
        const reader = new ProtoReader(framed, before.length, before.length + bytes.length);
        let count = 0;
        while (reader.next()) count++;
        expect(count).toBe(fields.length);
        expect(reader.position).toBe(before.length + bytes.length);
      }),
    );
  });

  test("finds in generated messages what their codec wrote", () => {
    const id = fc.string({ unit: "grapheme", maxLength: 40 });
    fc.assert(
      fc.property(
        id,
        id,
        fc.uint8Array({ maxLength: 50 }),
        fc.double(),
        fc.boolean(),
        (task, text, data, time, healthy) => {
          const status = TaskStatus.encode(
            TaskStatus.fromPartial({
              taskId: { value: task },
              message: text,
              data: Buffer.from(data),
              timestamp: time,
              healthy,
            }),
          ).finish();
          const reader = new ProtoReader(status);
          const seen: Record<string, unknown> = {};
          while (reader.next()) {
            if (reader.field === 1) seen.task = submessages(reader.rawField(), 1).map((each) => Buffer.from(each));
            else if (reader.field === 4) seen.text = reader.string();
            else if (reader.field === 3) seen.data = Buffer.from(reader.bytes());
            else if (reader.field === 6) seen.time = reader.double();
            else if (reader.field === 8) seen.healthy = reader.bool();
          }
          const decoded = TaskStatus.decode(status);
          expect(seen).toEqual({
            task: [Buffer.concat([Buffer.from([0x0a, Buffer.byteLength(task)]), Buffer.from(task)])],
            text: decoded.message,
            data: Buffer.from(data),
            time,
            healthy,
          });
        },
      ),
    );
  });

  test.each([
    ["0", "00", 0],
    ["127", "7f", 127],
    ["128", "8001", 128],
    ["2^53 - 1", "ffffffffffffff0f", Number.MAX_SAFE_INTEGER],
    ["2^64 - 1, rounded", "ffffffffffffffffff01", 2 ** 64],
    ["more bytes than it needs", "8080808000", 0],
  ])("a varint of %s", (_, hex, expected) => {
    const reader = new ProtoReader(Buffer.from(`08${hex}`, "hex"));
    expect(reader.next()).toBe(true);
    expect(reader.varint()).toBe(expected);
    expect(reader.next()).toBe(false);
  });

  const malformed: [name: string, hex: string, message: string][] = [
    ["a tag alone", "08", "it ends in the middle of a number"],
    ["half a tag", "88", "it ends in the middle of a number"],
    ["half a varint", "0880", "it ends in the middle of a number"],
    ["a varint of 11 bytes", "088080808080808080808001", "it has a number of more than 10 bytes"],
    ["a length without bytes", "0a05", "it is cut off, or its length is wrong"],
    ["fewer bytes than the length says", "0a050102", "it is cut off, or its length is wrong"],
    ["a length of 2^64 - 1", "0affffffffffffffffff01", "it is cut off, or its length is wrong"],
    ["half a fixed64", "0901020304", "it is cut off"],
    ["half a fixed32", "0d010203", "it is cut off"],
    ["field number 0", "0001", "it has a field of number 0"],
    ["a field number over 2^29 - 1", "8080808010", "it has a field number that is too large"],
    ["a tag of more than 5 bytes", "88808080800001", "it has a field number that is too large"],
    ["wire type 6", "0e", "it has a field of wire type 6, which does not exist"],
    ["wire type 7", "0f", "it has a field of wire type 7, which does not exist"],
    ["an end of a group that did not start", "0c", "a group ends that did not start"],
    ["a group that does not end", "0b0801", "it is cut off within a group"],
    ["a group that ends as another", "0b14", "a group ends with another group's end"],
    ["field number 0 in a group", "0b00010c", "it has a field of number 0"],
  ];
  test.each(malformed)("%s is a WireError", (_, hex, message) => {
    const reader = new ProtoReader(Buffer.from(hex, "hex"));
    expect(() => {
      while (reader.next());
    }).toThrow(new WireError(message));
  });

  test("a value of another wire type is a WireError that names the field", () => {
    const taken: Array<(reader: ProtoReader) => unknown> = [
      (reader) => reader.bytes(),
      (reader) => reader.string(),
      (reader) => reader.message(),
      (reader) => reader.double(),
    ];
    for (const take of taken) {
      const reader = new ProtoReader(varintField(9, 1));
      reader.next();
      expect(() => take(reader)).toThrow(new WireError("its field 9 has wire type 0"));
    }
    const reader = new ProtoReader(stringField(9, "x"));
    reader.next();
    expect(() => reader.varint()).toThrow(new WireError("its field 9 has wire type 2"));
  });

  test("groups may be nested, and not without end", () => {
    const nested = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x0b), Buffer.alloc(depth, 0x0c)]);
    expect(wellFormedHere(nested(100))).toBe(true);
    expect(() => new ProtoReader(nested(101)).next() && readAll(nested(101))).toThrow(new NestingError());
    expect(wellFormedHere(Buffer.alloc(2_000_000, 0x0b))).toBe(false);
  });

  test("garbage gives WireError only", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (garbage) => {
        try {
          expect(readDeeply(new ProtoReader(garbage))).toBeLessThanOrEqual(garbage.length * 22);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("a message with a damaged byte, or cut off, gives WireError only", () => {
    const message = fc.array(anyField, { minLength: 1, maxLength: 8 }).map(written);
    fc.assert(
      fc.property(message, fc.nat(), fc.nat({ max: 255 }), fc.boolean(), (bytes, at, byte, cut) => {
        const position = at % bytes.length;
        const damaged = cut ? bytes.slice(0, position) : bytes.slice();
        if (!cut) damaged[position] = byte;
        wellFormedHere(damaged);
      }),
      { numRuns: 500 },
    );
  });

  test("refuses what another implementation refuses", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (garbage) => {
        if (wellFormedHere(garbage))
          expect(wellFormedElsewhere(garbage), Buffer.from(garbage).toString("hex")).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test("takes what a hundred million bytes hold without copying them", () => {
    const large = Buffer.alloc(100_000_000, 1);
    const bytes = lengthDelimited(1, large);
    const reader = new ProtoReader(bytes);
    reader.next();
    const value = reader.bytes();
    expect(value.buffer).toBe(bytes.buffer);
    expect(value.length).toBe(large.length);
  });
});

describe("the writers", () => {
  test("write what another implementation reads", () => {
    fc.assert(
      fc.property(fieldNumber, wholeNumber, fc.string({ unit: "binary" }), fc.double(), (no, whole, text, double) => {
        const reader = new BinaryReader(
          Buffer.concat([varintField(no, whole), stringField(no, text), doubleField(no, double)]),
        );
        expect(reader.tag()).toEqual([no, WireType.Varint]);
        expect(reader.uint64()).toEqual(BigInt(whole));
        expect(reader.tag()).toEqual([no, WireType.LengthDelimited]);
        expect(Buffer.from(reader.bytes())).toEqual(Buffer.from(text, "utf8"));
        expect(reader.tag()).toEqual([no, WireType.Bit64]);
        expect(reader.double()).toBe(double);
        expect(reader.pos).toBe(reader.len);
      }),
    );
  });

  test("sizes are what is written", () => {
    fc.assert(
      fc.property(fieldNumber, wholeNumber, fc.uint8Array(), (no, whole, bytes) => {
        const out = Buffer.alloc(30);
        expect(writeVarint(out, 0, whole)).toBe(varintSize(whole));
        expect(writeLengthDelimitedHead(out, 0, no, bytes.length) + bytes.length).toBe(
          lengthDelimitedSize(no, bytes.length),
        );
        expect(lengthDelimited(no, bytes).length).toBe(lengthDelimitedSize(no, bytes.length));
      }),
    );
  });

  test("parts of a field are put one after the other", () => {
    fc.assert(
      fc.property(fieldNumber, fc.array(fc.uint8Array({ maxLength: 40 })), (no, parts) => {
        const [value] = submessages(messageField(no, parts), no);
        expect(Buffer.from(value ?? [1])).toEqual(Buffer.concat(parts));
      }),
    );
  });

  test("a spliced event is what the generated codec reads", () => {
    const offer = Offer.encode(
      Offer.fromPartial({
        id: { value: "o" },
        frameworkId: { value: "f" },
        agentId: { value: "a" },
        hostname: "host",
      }),
    ).finish();
    const bytes = Buffer.concat([varintField(1, Event_Type.OFFERS), lengthDelimited(3, lengthDelimited(1, offer))]);
    const event = Event.decode(bytes);
    expect(event.type).toBe(Event_Type.OFFERS);
    expect(event.offers?.offers.map((each) => Buffer.from(Offer.encode(each).finish()))).toEqual([Buffer.from(offer)]);
  });
});

test("submessages gives the values of one field in order, and only length-delimited ones", () => {
  const message = Buffer.concat([stringField(1, "a"), varintField(1, 7), stringField(2, "b"), stringField(1, "c")]);
  expect(submessages(message, 1).map((value) => Buffer.from(value).toString())).toEqual(["a", "c"]);
  expect(submessages(message, 3)).toEqual([]);
  expect(() => submessages(message.subarray(0, message.length - 1), 1)).toThrow(WireError);
});

test("seek finds the next value of a field, and only length-delimited ones", () => {
  const message = Buffer.concat([varintField(1, 7), stringField(2, "b"), stringField(1, "a"), stringField(1, "c")]);
  const reader = new ProtoReader(message);
  expect(reader.seek(1)).toBe(true);
  expect(reader.string()).toBe("a");
  // A value that was not taken is passed over.
  expect([reader.seek(1), reader.seek(1)]).toEqual([true, false]);
  expect(() => new ProtoReader(message.subarray(0, message.length - 1)).seek(3)).toThrow(WireError);
});
