import fc from "fast-check";
import { expect, test } from "vitest";
import { frameworksBeside, openFilesLimit, withinDescriptors } from "../../../server/cli/descriptors.js";

const wanted = { maxFrameworks: 5_000, maxConnections: 2_000 };

test("limits that fit stay as they are", () => {
  expect(withinDescriptors(wanted, undefined)).toEqual(wanted);
  expect(withinDescriptors(wanted, 1_048_576)).toEqual(wanted);
  expect(withinDescriptors({ maxFrameworks: 10, maxConnections: 10 }, 128)).toEqual({
    maxFrameworks: 10,
    maxConnections: 10,
  });
});

test("with few descriptors clients get a quarter, and frameworks the rest", () => {
  expect(withinDescriptors(wanted, 128)).toEqual({ maxFrameworks: 33, maxConnections: 22 });
  // What frameworks don't need is left to clients.
  expect(withinDescriptors({ maxFrameworks: 4, maxConnections: 2_000 }, 128)).toEqual({
    maxFrameworks: 4,
    maxConnections: 80,
  });
});

test("what is allowed always fits, and is never more than what was asked for", () => {
  const count = fc.integer({ min: 1, max: 10_000 });
  fc.assert(
    fc.property(count, count, fc.integer({ min: 44, max: 100_000 }), (maxFrameworks, maxConnections, openFiles) => {
      const allowed = withinDescriptors({ maxFrameworks, maxConnections }, openFiles);
      expect(allowed.maxFrameworks * 2 + allowed.maxConnections).toBeLessThanOrEqual(openFiles - 40);
      expect(allowed.maxFrameworks).toBeGreaterThan(0);
      expect(allowed.maxFrameworks).toBeLessThanOrEqual(maxFrameworks);
      expect(allowed.maxConnections).toBeGreaterThan(0);
      expect(allowed.maxConnections).toBeLessThanOrEqual(maxConnections);
    }),
  );
});

test("the limit of this process is known on Linux", () => {
  if (process.platform === "linux") expect(openFilesLimit()).toBeGreaterThan(44);
});

test("a new number of frameworks has what the connections leave", () => {
  expect(frameworksBeside(100, 5_000, undefined)).toBe(5_000);
  expect(frameworksBeside(100, 5_000, 1_048_576)).toBe(5_000);
  expect(frameworksBeside(100, 5_000, 340)).toBe(100);
  expect(frameworksBeside(100, 5, 340)).toBe(5);
  expect(frameworksBeside(2_000, 5, 340)).toBe(1);
});
