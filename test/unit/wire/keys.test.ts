import fc from "fast-check";
import { expect, test } from "vitest";
import { keyOf, keyOfBytes } from "../../../wire/keys.js";

/** Short texts, and ones about as long as a text may be to be a key itself. */
const anyText = fc
  .tuple(fc.constantFrom(0, 999, 1_000, 1_001, 20_000), fc.string({ unit: "grapheme-ascii", maxLength: 3 }))
  .map(([length, end]) => "x".repeat(length) + end);

test("keys are the same for the same text alone, and never long", () => {
  fc.assert(
    fc.property(anyText, anyText, (one, other) => {
      expect(keyOf(one) === keyOf(other)).toBe(one === other);
      expect(keyOfBytes(Buffer.from(one)) === keyOfBytes(Buffer.from(other))).toBe(one === other);
      expect(keyOf(one).length).toBeLessThan(1_100);
    }),
  );
});

test("the key of bytes is that of the part that is meant", () => {
  const bytes = Buffer.from("before text after");
  expect(keyOfBytes(bytes, 7, 11)).toBe(keyOfBytes(Buffer.from("text")));
  expect(keyOfBytes(bytes.subarray(7), 0, 4)).toBe(keyOf("text"));
});

test("bytes that are no text have keys of their own", () => {
  expect(keyOfBytes(Buffer.from([0xff]))).not.toBe(keyOfBytes(Buffer.from([0xfe])));
});
