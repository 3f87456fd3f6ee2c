import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Bridge, startBridge } from "../support/bridge.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { at } from "../support/paths.js";
import { succeed } from "./execute.js";

describe("the page of dynamic stubs", () => {
  const cleanup = cleanupAfterAll();
  let bridge: Bridge;
  let folder: string;

  beforeAll(async () => {
    const mesos = cleanup.use(await startEmbeddedMesos());
    bridge = cleanup.use(await startBridge({ master: mesos.master }));
    folder = await cleanup.tempDir();
    for (const name of ["node_modules", "proto"]) symlinkSync(at(name), join(folder, name));
  });

  /** Runs a program of the page, as a reader would. */
  async function run(file: string): Promise<string> {
    const page = readFileSync(at("docs/languages/dynamic-stubs.md"), "utf8");
    const [code = ""] = page.split(`\`\`\`js ${file}\n`)[1]?.split("```", 1) ?? [];
    writeFileSync(join(folder, file), code);
    return await succeed(process.execPath, [file, bridge.address], { cwd: folder, timeoutMs: 60_000 });
  }

  it("has a program for Node that is scheduler and observer", async () => {
    expect(await run("watch.mjs")).toMatch(/^offers: \S+-O\d+\nopen offers: 1\n$/);
  });

  it("has a program for Node that reads the reason of an error", async () => {
    expect(await run("reason.mjs")).toBe("5 FRAMEWORK_NOT_FOUND\n");
  });
});
