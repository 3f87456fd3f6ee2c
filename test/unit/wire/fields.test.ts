import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  copiedFields,
  countValues,
  eachValue,
  hasValue,
  lastValue,
  messageIn,
  stringFields,
} from "../../../wire/fields.js";
import { doubleField, lengthDelimited, stringField, submessages, varintField, WireError } from "../../../wire/proto.js";

/** Fields of numbers from 1 to 3 and of several wire types. */
const anyMessage = fc.array(
  fc.oneof(
    fc.tuple(fc.integer({ min: 1, max: 3 }), fc.uint8Array({ maxLength: 8 })).map(([n, b]) => lengthDelimited(n, b)),
    fc.integer({ min: 1, max: 3 }).map((n) => varintField(n, 7)),
    fc.integer({ min: 1, max: 3 }).map((n) => doubleField(n, 1.5)),
  ),
  { maxLength: 12 },
);

const valuesOf = (message: Uint8Array, field: number) => {
  const values: Uint8Array[] = [];
  eachValue(message, field, (value) => values.push(value));
  return values;
};

describe("the fields of a message by number", () => {
  test("are all its length-delimited values, in order", () => {
    fc.assert(
      fc.property(anyMessage, (fields) => {
        const message = Buffer.concat(fields);
        const values = submessages(message, 2);
        expect(valuesOf(message, 2)).toEqual(values);
        expect(countValues(message, 2)).toBe(values.length);
        expect(hasValue(message, 2)).toBe(values.length > 0);
        expect(lastValue(message, 2)).toEqual(values.at(-1));
        const merged = messageIn(message, 2);
        expect(merged && Buffer.from(merged)).toEqual(values.length === 0 ? undefined : Buffer.concat(values));
        expect(copiedFields(message, 2, 300)).toEqual(
          Buffer.concat(values.map((value) => lengthDelimited(300, value))),
        );
      }),
    );
  });

  test("are views, of a message in one piece too", () => {
    const message = lengthDelimited(1, Buffer.from("piece"));
    for (const view of [messageIn(message, 1), lastValue(message, 1), valuesOf(message, 1)[0]]) {
      expect(view?.buffer).toBe(message.buffer);
    }
  });

  test("of a damaged message are a WireError", () => {
    const cut = lengthDelimited(1, Buffer.from("piece")).subarray(0, 4);
    for (const read of [countValues, lastValue, messageIn, valuesOf]) expect(() => read(cut, 1)).toThrow(WireError);
    expect(() => copiedFields(cut, 1, 2)).toThrow(WireError);
  });
});

test("texts are written as one field each", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 80 })), (texts) => {
      expect(stringFields(12, texts)).toEqual(Buffer.concat(texts.map((text) => stringField(12, text))));
    }),
  );
});
