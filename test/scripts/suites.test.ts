import { describe, expect, it } from "vitest";
import { succeed } from "../languages/execute.js";
import { at } from "../support/paths.js";

describe("the suite peers", () => {
  it.each([
    ["is not part of a run of all", [], false],
    ["is not part of a run of another suite", ["test/scripts/"], false],
    ["is run by its name", ["test/peers/"], true],
    ["is run by the path of a file", [at("test/peers/singularity.test.ts")], true],
  ])("%s", async (_, filters, isRun) => {
    const files = await succeed(process.execPath, [
      at("node_modules/vitest/vitest.mjs"),
      "list",
      "--filesOnly",
      ...filters,
    ]);
    expect(files).toMatch(/\.test\.ts$/m);
    expect(files.includes("test/peers/")).toBe(isRun);
  });
});
