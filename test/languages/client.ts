import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { startBridge } from "../support/bridge.js";
import { type Exit, type RunningProcess, startProcess } from "../support/childProcess.js";
import type { BridgeSuite } from "../support/describeBridge.js";
import { within } from "../support/eventually.js";
import { at } from "../support/paths.js";
import { succeed } from "./execute.js";

/** A client's program, and how it is started. */
export interface Program {
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
}

/** Starts it with more arguments. Whoever does that stops it. */
export async function start(program: Program, ...args: string[]): Promise<RunningProcess> {
  const { command, env } = program;
  return await startProcess({ command, args: [...program.args, ...args], ...(env && { env }) });
}

/** Waits for its end, and shows what it said if that was not as expected. */
export async function expectExit(running: RunningProcess, code: number): Promise<void> {
  const exit: Exit = await within(running.exited, { timeoutMs: 50_000, what: "the end of the program" }).catch(
    (error: Error) => {
      throw new Error(`${error.message}\n${running.log()}`);
    },
  );
  expect({ exit, log: exit.code === code ? "" : running.log() }).toEqual({ exit: { code, signal: null }, log: "" });
}

/** Runs empty-tasks, and sees all tasks finish. */
export async function expectTasksToFinish(suite: BridgeSuite, program: Program, name: string): Promise<void> {
  const { cleanup, bridge } = suite;
  const run = await start(program, "--bridge", bridge.address, "--framework-name", name, "--tasks", "12");
  cleanup.use(run);
  await expectExit(run, 0);
  expect(run.log()).toContain("12 of 12 finished, 0 failed");
}

/** Runs it while the bridge is killed and started again. */
export async function expectTasksToOutliveTheBridge(suite: BridgeSuite, program: Program, name: string): Promise<void> {
  const bridge = await suite.ownBridge();
  const run = await start(program, "--bridge", bridge.address, "--framework-name", name, "--tasks", "40");
  suite.cleanup.use(run);
  await run.logged(/finished$/m, { timeoutMs: 20_000 });
  await bridge.kill();
  await run.logged(/not attached to the bridge/, { timeoutMs: 10_000 });
  await bridge.restart();
  await expectExit(run, 0);
  expect(run.log()).toContain("40 of 40 finished, 0 failed");
}

/** Runs it without a bridge. */
export async function expectToSayThatThereIsNoBridge(program: Program, giveUpAfter: string): Promise<void> {
  const run = await start(program, "--bridge", "127.0.0.1:1", "--give-up-after", giveUpAfter);
  try {
    await expectExit(run, 1);
    expect(run.log()).toMatch(/^\S*empty-tasks: .*(refused|connect)/im);
  } finally {
    await run.stop();
  }
}

/**
 * Does what a page of docs/languages says of stubs: writes its buf.gen.yaml, if it has one, and runs its last block of
 * commands in `folder`, with these folders in the path. A bridge without a Mesos does: it tells its API all the same.
 */
export async function followGuide(page: string, folder: string, path: string[] = []): Promise<void> {
  await succeed(process.execPath, [at("scripts/install-tools.mjs")]);
  const bridge = await startBridge({ master: "127.0.0.1:1" });
  try {
    await follow(page, bridge.address, folder, [at(".tools/bin"), ...path]);
  } finally {
    await bridge.stop();
  }
}

async function follow(page: string, address: string, folder: string, path: string[]): Promise<void> {
  const text = readFileSync(at("docs/languages", page), "utf8");
  const blocks = (tag: string) =>
    [...text.matchAll(new RegExp(`\`\`\`${tag}\\n(.*?)\`\`\``, "gs"))].map(([, code]) => code);
  const [template] = blocks("yaml");
  if (template !== undefined) writeFileSync(join(folder, "buf.gen.yaml"), template);
  const commands = blocks("sh").at(-1) ?? "";
  expect(commands).toContain("127.0.0.1:50051");
  const env = { ...process.env, PATH: [...path, at("node_modules/.bin"), process.env.PATH].join(":") };
  await succeed("sh", ["-ec", commands.replace("127.0.0.1:50051", address)], { cwd: folder, env });
}

/** The first block of code of a README, with the bridge's address in the place of the one that stands there. */
export function firstExample(readme: string, address: string): string {
  const [, code = ""] = /```\w+\n(.*?)```/s.exec(readme) ?? [];
  expect(code).toContain("127.0.0.1:50051");
  return code.replace("127.0.0.1:50051", address);
}
