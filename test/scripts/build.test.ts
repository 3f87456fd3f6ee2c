import { execFile } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, expect, test } from "vitest";
import { cleanupAfterAll } from "../support/cleanup.js";
import { at, root } from "../support/paths.js";

const cleanup = cleanupAfterAll();
let clone: string;
let build: string[];

/** A clone as it is after `git clone`: what Git knows, and nothing that was made of it. */
beforeEach(async () => {
  clone = join(await cleanup.tempDir(), "clone");
  await promisify(execFile)("git", ["checkout-index", "--all", `--prefix=${clone}/`], { cwd: root });
  build = [join(clone, "scripts/build.mjs")];
});

test("a fresh clone with its dependencies is built, with what has to be generated", { timeout: 180_000 }, async () => {
  symlinkSync(at("node_modules"), join(clone, "node_modules"));
  await promisify(execFile)(process.execPath, build);
  for (const file of ["gen/descriptors.binpb", "dist/gen/descriptors.binpb"]) {
    expect(existsSync(join(clone, file)), file).toBe(true);
  }
  const { stdout } = await promisify(execFile)(process.execPath, [join(clone, "dist/server/main.js"), "--help"]);
  expect(stdout).toContain("Usage: mesos-bridge");
});

test("one without them says at once what to run", async () => {
  await expect(promisify(execFile)(process.execPath, build)).rejects.toMatchObject({
    stderr: expect.stringContaining("run `npm run setup`"),
  });
});
