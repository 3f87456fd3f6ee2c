import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeRecord, RecordIOError, RecordReader, type RecordReaderOptions } from "../../../wire/recordio.js";

/** What a reader made of some input: its records, and why it stopped. */
interface Outcome {
  records: string[];
  error?: string;
  idle?: boolean;
}

/** Ways to cut the same bytes into chunks. */
const readers: Record<string, (input: Uint8Array) => Uint8Array[]> = {
  whole: (input) => [input],
  "one byte at a time": (input) => Array.from(input, (_, i) => input.subarray(i, i + 1)),
  halves: (input) => [input.subarray(0, input.length >> 1), input.subarray(input.length >> 1)],
  "with empty chunks between": (input) =>
    Array.from(input, (_, i) => [new Uint8Array(0), input.subarray(i, i + 1)]).flat(),
};

function read(chunks: Uint8Array[], options?: RecordReaderOptions): Outcome {
  const reader = new RecordReader(options);
  const records: string[] = [];
  try {
    for (const chunk of chunks) reader.push(chunk, (record) => records.push(Buffer.from(record).toString("latin1")));
  } catch (error) {
    expect(error).toBeInstanceOf(RecordIOError);
    return { records, error: (error as RecordIOError).message };
  }
  return { records, idle: reader.idle };
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

describe("RecordReader", () => {
  const cases: [name: string, input: string, expected: object][] = [
    ["nothing", "", { records: [], idle: true }],
    ["one record", "5\nhello", { records: ["hello"], idle: true }],
    ["two records", "5\nhello6\nworld!", { records: ["hello", "world!"], idle: true }],
    ["an empty record", "0\n", { records: [""], idle: true }],
    ["empty records between others", "0\n1\na0\n0\n1\nb", { records: ["", "a", "", "", "b"], idle: true }],
    ["a record that holds newlines", "3\n\n\n\n", { records: ["\n\n\n"], idle: true }],
    ["a record that looks like a header", "4\n12\n3", { records: ["12\n3"], idle: true }],
    ["a record of all bytes", `4\n\x00\xff\x7f\x80`, { records: ["\x00\xff\x7f\x80"], idle: true }],
    ["a length in bytes, not in characters", "2\n\xc3\xa9", { records: ["\xc3\xa9"], idle: true }],
    ["leading zeros", "0005\nhello", { records: ["hello"], idle: true }],
    ["as many digits as Mesos can write", "00000000000000000001\nx", { records: ["x"], idle: true }],
    ["half a header", "1\na12", { records: ["a"], idle: false }],
    ["a header and nothing else", "5\n", { records: [], idle: false }],
    ["half a record", "1\na5\nhel", { records: ["a"], idle: false }],
    ["no length", "\nhello", { records: [], error: "Failed to decode length ''" }],
    ["no length after a record", "1\na\n", { records: ["a"], error: "Failed to decode length ''" }],
    ["a negative length", "-1\nhello", { records: [], error: "Failed to decode length '-'" }],
    ["a plus sign", "+1\nh", { records: [], error: "Failed to decode length '+'" }],
    ["a space before the newline", "5 \nhello", { records: [], error: "Failed to decode length '5 '" }],
    ["a carriage return", "5\r\nhello", { records: [], error: "Failed to decode length '5\\x0d'" }],
    ["hexadecimal", "0x5\nhello", { records: [], error: "Failed to decode length '0x'" }],
    ["a fraction", "1.0\nh", { records: [], error: "Failed to decode length '1.'" }],
    ["bytes that are no text", "\x00\xff", { records: [], error: "Failed to decode length '\\x00'" }],
    ["JSON without RecordIO", '{"type":', { records: [], error: "Failed to decode length '{'" }],
    [
      "too many digits",
      "123456789012345678901\n",
      { records: [], error: "Failed to decode length '123456789012345678901'" },
    ],
    [
      "a record over 2^53 bytes",
      "18446744073709551615\n",
      {
        records: [],
        error: expect.stringMatching(/^a record of 18446744073709551615 bytes is over the limit/),
      },
    ],
  ];
  for (const [reader, cut] of Object.entries(readers)) {
    test.each(cases)(`%s, read ${reader}`, (_, input, expected) => {
      expect(read(cut(bytes(input)))).toEqual(expected);
    });
  }

  test("gives what was complete before the failure", () => {
    expect(read([bytes("1\na2\nbbx")])).toEqual({ records: ["a", "bb"], error: "Failed to decode length 'x'" });
  });

  test("stays failed", () => {
    const reader = new RecordReader();
    const take = () => expect.unreachable("a record after the failure");
    expect(() => reader.push(bytes("x"), take)).toThrow(RecordIOError);
    expect(() => reader.push(bytes("1\na"), take)).toThrow("Failed to decode length 'x'");
  });

  test.each([
    ["under the limit", "3\nabc", { records: ["abc"], idle: true }],
    ["at the limit", "4\nabcd", { records: ["abcd"], idle: true }],
    ["over the limit", "5\nabcde", { records: [], error: "a record of 5 bytes is over the limit of 4 bytes" }],
    [
      "over the limit, after one within",
      "1\na5\n",
      { records: ["a"], error: "a record of 5 bytes is over the limit of 4 bytes" },
    ],
  ])("a record %s", (_, input, expected) => {
    for (const cut of Object.values(readers)) expect(read(cut(bytes(input)), { maxRecordBytes: 4 })).toEqual(expected);
  });

  test("refuses a record that is too large before its bytes arrive", () => {
    expect(read([bytes("536870913\n")])).toMatchObject({ error: expect.stringContaining("limit of 536870912 bytes") });
    expect(read([bytes("536870912\n")])).toEqual({ records: [], idle: false });
  });

  test("does not copy a record that lies within one chunk", () => {
    const chunk = bytes("3\nabc2\nde");
    const seen: Uint8Array[] = [];
    new RecordReader().push(chunk, (record) => seen.push(record));
    expect(seen.map((record) => record.buffer)).toEqual([chunk.buffer, chunk.buffer]);
  });

  test("a record that spans chunks does not change when the chunk's memory is used again", () => {
    const seen: Uint8Array[] = [];
    const reader = new RecordReader();
    const chunk = bytes("cd");
    reader.push(bytes("4\nab"), (record) => seen.push(record));
    reader.push(chunk, (record) => seen.push(record));
    chunk.fill(0);
    expect(seen.map(String)).toEqual(["abcd"]);
  });
});

/** Cuts `input` at the given places. */
function cutAt(input: Uint8Array, places: number[]): Uint8Array[] {
  const borders = [0, ...places.map((place) => place % (input.length + 1)).sort((a, b) => a - b), input.length];
  return borders.slice(1).map((border, i) => input.subarray(borders[i], border));
}

const records = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
const places = fc.array(fc.nat({ max: 10_000 }), { maxLength: 40 });
const latin1 = (record: Uint8Array): string => Buffer.from(record).toString("latin1");

describe("RecordReader, for any input", () => {
  test("gives the encoded records back, however they are chunked", () => {
    fc.assert(
      fc.property(records, places, (sent, cuts) => {
        const stream = Buffer.concat(sent.map(encodeRecord));
        expect(read(cutAt(stream, cuts))).toEqual({ records: sent.map(latin1), idle: true });
      }),
    );
  });

  test("gives every complete record of a stream that is cut off, and no other", () => {
    fc.assert(
      fc.property(records, fc.nat({ max: 10_000 }), places, (sent, cut, cuts) => {
        const stream = Buffer.concat(sent.map(encodeRecord));
        const end = cut % (stream.length + 1);
        let complete = 0;
        for (let bytesSeen = 0; complete < sent.length; complete++) {
          bytesSeen += encodeRecord(sent[complete] as Uint8Array).length;
          if (bytesSeen > end) break;
        }
        const outcome = read(cutAt(stream.subarray(0, end), cuts));
        expect(outcome.records).toEqual(sent.slice(0, complete).map(latin1));
        expect(outcome.error).toBeUndefined();
      }),
    );
  });

  test("keeps to the limit, however the records are chunked", () => {
    fc.assert(
      fc.property(records, places, fc.nat({ max: 300 }), (sent, cuts, maxRecordBytes) => {
        const outcome = read(cutAt(Buffer.concat(sent.map(encodeRecord)), cuts), { maxRecordBytes });
        const tooLarge = sent.findIndex((record) => record.length > maxRecordBytes);
        expect(outcome.records).toEqual((tooLarge < 0 ? sent : sent.slice(0, tooLarge)).map(latin1));
        expect(outcome.error !== undefined).toBe(tooLarge >= 0);
      }),
    );
  });

  test("garbage ends in RecordIOError or waits for more, the same for every chunking", () => {
    const text = fc.string({ unit: fc.constantFrom(..."0123456789\n\r -x\x00\xff"), maxLength: 200 });
    const garbage = fc.oneof(fc.uint8Array({ maxLength: 500 }), text.map(bytes));
    fc.assert(
      fc.property(garbage, places, (input, cuts) => {
        expect(read(cutAt(input, cuts))).toEqual(read([input]));
      }),
      { numRuns: 1000 },
    );
  });

  test("a record broken in one byte never gives a record that is longer than its length says", () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.nat({ max: 255 }), (sent, at, value) => {
        const stream = Buffer.concat(sent.map(encodeRecord));
        if (stream.length > 0) stream[at % stream.length] = value;
        const outcome = read([stream]);
        const framed = outcome.records.reduce((sum, record) => sum + encodeRecord(bytes(record)).length, 0);
        // Leading zeros take room and add nothing, so the records can only be fewer bytes than the stream.
        expect(framed).toBeLessThanOrEqual(stream.length);
      }),
    );
  });
});

describe("encodeRecord", () => {
  test.each([
    ["", "0\n"],
    ["a", "1\na"],
    ["é", "2\n\xc3\xa9"],
  ])("%j", (record, expected) => {
    expect(encodeRecord(Buffer.from(record)).toString("latin1")).toBe(expected);
  });
});
