import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { missingToolchain } from "../languages/toolchain.js";
import { at } from "../support/paths.js";

const TIMEOUT_MS = 300_000;

it(
  "every benchmark runs, and what does not depend on time stays within its bounds",
  async () => {
    const options = { timeout: TIMEOUT_MS };
    // Rejects with what was printed when it finds something broken.
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [at("scripts/bench.mjs"), "smoke"], options);
    expect(stdout).toContain("smoke: all is well");
    // Where tests of the Go client run, so do the benchmarks' programs in Go.
    if (missingToolchain("Go", ["go"]) === undefined) expect(stderr).not.toContain("left out");
    expect(stdout).toMatch(/^messages to the client, an event: 0\.\d+, at most/m);
  },
  TIMEOUT_MS + 10_000,
);
