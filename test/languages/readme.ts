import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startProcess } from "../support/childProcess.js";
import { describeBridge } from "../support/describeBridge.js";
import { eventually, within } from "../support/eventually.js";
import { at } from "../support/paths.js";
import type { Program } from "./program.js";

/** Compilers with nothing in their caches. */
const COLD_MS = 600_000;

export interface ReadmeOptions {
  /** The client's folder in clients/. */
  client: string;
  /** What the example's file has to be called. */
  file: string;
  /** Makes a program of the example, which lies at `path` in a folder of its own. */
  build: (path: string, folder: string) => Promise<Program>;
}

/**
 * Runs the first example of a client's README as it stands there: it launches a task, sees it finish,
 * and ends its framework.
 */
export function testReadme(language: string, { client, file, build }: ReadmeOptions): void {
  // With two agents, offers come more than once.
  describeBridge(`the README's example in ${language}`, { on: "embedded", agents: 2 }, (suite) => {
    it("launches a task, and ends when that has ended", { timeout: COLD_MS }, async () => {
      const { bridge, cleanup } = suite();
      const folder = await cleanup.tempDir();
      const path = join(folder, file);
      writeFileSync(path, firstExample(readFileSync(at("clients", client, "README.md"), "utf8"), bridge.address));
      const running = cleanup.use(await startProcess(await build(path, folder)));
      const exit = within(running.exited, { timeoutMs: 50_000, what: "the end of the example" });
      const { code } = await exit.catch((error: Error) => {
        throw new Error(`${error.message}\n${running.log()}`);
      });
      expect(code, running.log()).toBe(0);
      expect(running.log()).toContain("TASK_FINISHED");
      const gone = async () => {
        const { response } = await suite().client.call("listFrameworks", {});
        return response?.frameworks.every(({ frameworkName }) => frameworkName !== "hello");
      };
      await eventually(gone, { what: "the end of the framework" });
    });
  });
}

/** The first block of code of a README, with the bridge's address in the place of the one that stands there. */
export function firstExample(readme: string, address: string): string {
  const [, code = ""] = /```\w+[\w,]*\n(.*?)```/s.exec(readme) ?? [];
  expect(code).toContain("127.0.0.1:50051");
  expect(code.split("\n").length).toBeLessThanOrEqual(45);
  return code.replace("127.0.0.1:50051", address);
}
