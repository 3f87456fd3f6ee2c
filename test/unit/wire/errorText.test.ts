import { expect, test } from "vitest";
import { errorText, errorTrace } from "../../../wire/errorText.js";

const stackless = new TypeError("no stack");
delete stackless.stack;

test.each([
  ["an error", new TypeError("it broke"), "it broke"],
  ["a text", "it broke", "it broke"],
  ["nothing", undefined, "undefined"],
  ["an object", { code: 1 }, "[object Object]"],
])("what %s says", (_, thrown, text) => {
  expect(errorText(thrown)).toBe(text);
});

test("a trace tells where an error came from, or else what it says", () => {
  expect(errorTrace(new TypeError("it broke"))).toMatch(/^TypeError: it broke\n +at .*errorText\.test\.ts/);
  expect(errorTrace(stackless)).toBe("no stack");
  expect(errorTrace("it broke")).toBe("it broke");
});
