import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { cleanupAfterAll } from "../support/cleanup.js";
import { at } from "../support/paths.js";
import { testEmptyTasks } from "./emptyTasks.js";
import { succeed } from "./execute.js";
import { buildRust, rustCrate } from "./rust.js";
import { describeLanguage } from "./toolchain.js";

const COLD_MS = 600_000;

describeLanguage("Rust", ["cargo"], () => {
  const cleanup = cleanupAfterAll();
  const cargo = (...args: string[]) => succeed("cargo", args, { cwd: rustCrate });

  it("has stubs of the protos as they are", { timeout: COLD_MS }, async () => {
    const file = `${await cleanup.tempDir()}/descriptors.binpb`;
    const paths = ["proto/mesosbridge/v1", "proto/google/rpc"].flatMap((path) => ["--path", path]);
    const buf = at("node_modules/@bufbuild/buf/bin/buf");
    await succeed(process.execPath, [buf, "build", "--as-file-descriptor-set", ...paths, "-o", file]);
    const current = readFileSync(file).equals(readFileSync(`${rustCrate}/descriptors.binpb`));
    expect(current, "run what clients/rust/README.md says about a change of the protos").toBe(true);
  });

  it("passes its own tests, and the code of its README compiles", { timeout: COLD_MS }, async () => {
    expect(await cargo("test", "--quiet")).toMatch(/test result: ok\. [1-9]/);
  });

  it("is formatted, and clippy has nothing to say", { timeout: COLD_MS }, async () => {
    await cargo("fmt", "--check");
    await cargo("clippy", "--quiet", "--all-targets", "--", "--deny", "warnings");
  });

  testEmptyTasks("Rust", { build: async () => ({ command: await buildRust("empty-tasks"), args: [] }) });
});
