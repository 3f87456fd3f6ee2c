import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDuration } from "../../../wire/duration.js";

describe("durations", () => {
  it.each([
    ["5secs", 5_000],
    ["1mins", 60_000],
    ["2.5hrs", 9_000_000],
    ["15mins", 900_000],
    ["250ms", 250],
    ["1weeks", 604_800_000],
    ["3days", 259_200_000],
    ["1500us", 1.5],
    ["1000000ns", 1],
    ["0ns", 0],
  ])("%s is %d ms", (text, expected) => {
    expect(parseDuration(text)).toBeCloseTo(expected, 9);
  });

  it.each(["", "5", "secs", "5 secs", "-5secs", "1e3secs", "5Secs", "5s", "1.secs", "999999999999weeks", "5secs "])(
    "'%s' is refused by name",
    (text) => {
      expect(() => parseDuration(text)).toThrow(`'${text}'`);
    },
  );

  it("are read whatever number stands before the unit", () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(999), (whole, thousandths) => {
        const text = `${whole}.${String(thousandths).padStart(3, "0")}secs`;
        expect(parseDuration(text)).toBeCloseTo(whole * 1_000 + thousandths, 3);
      }),
    );
  });
});
