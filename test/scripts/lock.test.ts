import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { within } from "../support/eventually.js";
import { at } from "../support/paths.js";

const cleanup = cleanupAfterAll();
const PROCESSES = 6;

/** The lock of scripts, taken by real processes in whose file system a step may take half a second. */
describe("the lock", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await cleanup.tempDir();
  });

  const marker = () => join(folder, "marker");

  /** @param options.hold it keeps the lock until it is killed */
  async function start({ slow = true, hold = false } = {}): Promise<RunningProcess> {
    const args = [at("test/fixtures/lock/holder.mjs"), marker(), ...(hold ? ["hold"] : [])];
    return cleanup.use(
      await startProcess({
        command: process.execPath,
        args: slow ? ["--import", at("test/fixtures/lock/slowFiles.mjs"), ...args] : args,
        env: { ...process.env, TMPDIR: folder },
        ...(hold && { ready: /^has it$/m }),
      }),
    );
  }

  /** Leaves the lock as a process does that dies while it has it. */
  async function leaveStale(): Promise<void> {
    const holder = await start({ slow: false, hold: true });
    await holder.kill();
  }

  async function startAll(): Promise<RunningProcess[]> {
    return Promise.all(Array.from({ length: PROCESSES }, () => start()));
  }

  /** All have had it, one after the other, and given it back. */
  async function expectTurns(processes: readonly RunningProcess[]): Promise<void> {
    for (const each of processes) {
      expect(await within(each.exited, { timeoutMs: 40_000 }), each.log()).toEqual({ code: 0, signal: null });
      expect(each.log()).toBe("has it\n");
    }
    expect((await readdir(folder)).filter((name) => name.endsWith(".lock") || name === "marker")).toEqual([]);
  }

  test.each([1, 2])("of a process that died goes to one of those who wait (run %i)", { timeout: 60_000 }, async () => {
    await leaveStale();
    await expectTurns(await startAll());
  });

  test("goes on to others when those who take it over die as well", { timeout: 90_000 }, async () => {
    await leaveStale();
    const dying = await startAll();
    const processes = await startAll();
    await Promise.all(
      dying.map(async (each) => {
        await Promise.race([each.logged(/has it/), new Promise((resolve) => setTimeout(resolve, Math.random() * 900))]);
        await each.kill();
      }),
    );
    await expectTurns(processes);
  });
});
