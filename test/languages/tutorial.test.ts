import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { type BridgeSuite, describeBridge } from "../support/describeBridge.js";
import { eventually, within } from "../support/eventually.js";
import { freePort } from "../support/freePort.js";
import { at } from "../support/paths.js";
import { processesOf } from "../support/processes.js";
import { succeed } from "./execute.js";
import type { Program } from "./program.js";
import { preparePython, pythonEnv } from "./python.js";
import { frameworkOf, type TutorialLanguage, takePrograms, tutorialLanguages } from "./tutorialPrograms.js";

/** Compilers with nothing in their caches. */
const COLD_MS = 600_000;
const END = { timeoutMs: 60_000 };
const IMAGE = at("images/chelsea.png");

let archive = "";
beforeAll(async () => {
  archive = await succeed(process.execPath, [at("dist/executor/archive-command/main.js")]);
});

/** A folder as a reader has it: the programs, built, and what step 3 prepares. */
interface Desk {
  language: TutorialLanguage;
  folder: string;
  program: (step: number) => Program;
}

async function setUpDesk(folder: string, language: TutorialLanguage, bridge: string): Promise<Desk> {
  await takePrograms(folder, language, bridge);
  writeFileSync(join(folder, "executor.json"), archive);
  for (const [images, count] of [
    ["few", 2],
    ["many", 24],
  ] as const) {
    mkdirSync(join(folder, images));
    for (let n = 1; n <= count; n++) copyFileSync(IMAGE, join(folder, images, `a cat ${n}.png`));
  }
  return { language, folder, program: await language.build(folder) };
}

async function start({ cleanup }: BridgeSuite, program: Program, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const options = { ...program, args: [...program.args, ...args], env: { ...(program.env ?? process.env), ...env } };
  return cleanup.use(await startProcess(options));
}

async function expectSuccess(running: RunningProcess): Promise<string> {
  const { code } = await within(running.exited, { ...END, what: "the end of the program" }).catch((error: Error) => {
    throw new Error(`${error.message}\n${running.log()}`);
  });
  expect(code, running.log()).toBe(0);
  return running.log();
}

async function expectInverted(path: string): Promise<void> {
  const inverted = await sharp(IMAGE).negate({ alpha: false }).raw().toBuffer();
  expect((await sharp(path).raw().toBuffer()).equals(inverted), path).toBe(true);
}

async function steps1To3(suite: BridgeSuite, { folder, program }: Desk): Promise<void> {
  const first = await expectSuccess(await start(suite, program(1)));
  expect(first).toMatch(/^attached to the bridge\noffer \S+ of \S+: .*cpus [\d.]+.*\ndeclined, for 60 s\n$/s);
  const second = await expectSuccess(await start(suite, program(2)));
  const finished = [...second.matchAll(/^task (\d), empty-\S+: TASK_FINISHED/gm)].map(([, number]) => Number(number));
  expect(finished.sort()).toEqual([1, 2, 3, 4, 5]);
  const third = await expectSuccess(await start(suite, program(3), ["few", "three"]));
  expect(third).toMatch(/^2 of 2 inverted$/m);
  for (const name of ["a cat 1.png", "a cat 2.png"]) await expectInverted(join(folder, "three", name));
}

/** Killed when its tasks were launched, and replaced from another place when some are done, while it stands still. */
async function step4(suite: BridgeSuite, { folder, program, language }: Desk): Promise<void> {
  const run = (port: number, where = program(4)) => {
    return start(suite, where, [join(folder, "many"), join(folder, "four")], { PORT: String(port) });
  };
  const journal = join(folder, "four/.tasks");
  const port = await freePort();

  const first = await run(port);
  await eventually(() => existsSync(journal) && readFileSync(journal, "utf8") !== "", { what: first.log() });
  await first.kill();
  expect(first.log()).toMatch(/^24 of 24 wait, 0 may run$/m);

  const second = await run(port);
  await second.logged(/is inverted$/m, END);
  second.signal("SIGSTOP");
  // As many as have room were launched, the others not yet; and no executor is ready that soon.
  const [, waited, ran] = /^(\d+) of 24 wait, (\d+) may run$/m.exec(second.log()) ?? [];
  expect(Number(ran)).toBeGreaterThan(0);
  expect(Number(waited) + Number(ran)).toBe(24);

  const elsewhere = await suite.cleanup.tempDir();
  copyFileSync(join(folder, "executor.json"), join(elsewhere, "executor.json"));
  const third = await run(await freePort(), { ...program(4), cwd: elsewhere });
  await third.logged(/^attached, framework /m, END);
  second.signal("SIGCONT");
  expect(await expectSuccess(third)).toMatch(/^24 of 24 inverted$/m);
  const { code } = await within(second.exited, { what: "the end of the one that was replaced" });
  expect(code, second.log()).toBe(1);
  expect(second.log()).toContain("ATTACHMENT_SUPERSEDED");
  expect(third.log()).toMatch(/^\d+ of 24 wait, \d+ may run$/m);
  const frameworks = [second, third].map((each) => /^attached, framework (\S{30,})$/m.exec(each.log())?.[1]);
  expect(frameworks[0]).toBeDefined();
  expect(frameworks[1]).toBe(frameworks[0]);

  const results = readdirSync(join(folder, "four")).filter((name) => !name.startsWith("."));
  expect(results.sort()).toEqual(readdirSync(join(folder, "many")).sort());
  for (const name of results) await expectInverted(join(folder, "four", name));
  // An id that is used twice ends so. In the journal it may be twice: the one that was replaced wrote, and was refused.
  for (const each of [second, third]) expect(each.log()).not.toContain("TASK_ERROR");
  const { response } = await suite.client.call("listFrameworks", {});
  const names = response?.frameworks.map(({ frameworkName }) => frameworkName);
  expect(names).not.toContain(frameworkOf(language.name, 4));
}

/** Killed in the middle as a task of the meta-framework, with the page's definition, which starts it again. */
async function keptRunning(suite: BridgeSuite, { folder, program }: Desk): Promise<void> {
  const definition = join(folder, "apps.json");
  writeFileSync(definition, readFileSync(definition, "utf8").replace("FOLDER", folder));
  const { args } = program(4);
  // On the agent's machine PORT may be taken by another test.
  const port = String(await freePort());
  const app = JSON.parse(readFileSync(definition, "utf8")) as Record<string, unknown>;
  writeFileSync(definition, JSON.stringify({ ...app, env: { PORT: port } }));
  const bridge = ["--bridge", suite.bridge.address, "--framework-name", `supervisor-${suite.mesos.kind}`];
  const supervisor = await start(suite, {
    command: process.execPath,
    args: [at("dist/clients/typescript/supervise/main.js"), ...bridge, "--end-tasks", definition],
  });
  const inverted = () => readdirSync(join(folder, "kept")).filter((name) => !name.startsWith(".")).length;
  await eventually(() => inverted() > 0, { ...END, what: "an inverted image" });
  const [pid] = processesOf(args.map((arg) => arg.replace(`${folder}/`, ""))[0] ?? "", "kept", folder);
  if (pid === undefined) throw new Error(`the scheduler does not run\n${supervisor.log()}`);
  process.kill(pid, "SIGKILL");
  await supervisor.logged(/^tutorial\.0 has ended: .*; launched again after /m, END);
  await eventually(() => inverted() === 24, { ...END, what: "24 inverted images" });
  for (const name of readdirSync(join(folder, "many"))) await expectInverted(join(folder, "kept", name));
  supervisor.signal("SIGTERM");
  await expectSuccess(supervisor);
}

// Eight images have room at a time.
describeBridge("the tutorial's programs", { resources: "cpus:4;mem:4096" }, (suite) => {
  const cleanup = cleanupAfterAll();
  let desks: Promise<Desk[]> | undefined;

  /** Built once for all tests: for all languages on the embedded Mesos, while one shows that the real one does the same. */
  const ready = async ({ mesos, bridge }: BridgeSuite): Promise<Desk[]> => {
    const languages = tutorialLanguages.slice(0, mesos.kind === "real" ? 1 : undefined);
    desks ??= Promise.all(
      languages.map(async (language) => await setUpDesk(await cleanup.tempDir(), language, bridge.address)),
    );
    return await desks;
  };

  it("decline, launch, and invert", { timeout: COLD_MS }, async () => {
    const own = suite();
    await Promise.all((await ready(own)).map((desk) => steps1To3(own, desk)));
  });

  it("go on where they were killed, also elsewhere", { timeout: COLD_MS }, async () => {
    const own = suite();
    await Promise.all((await ready(own)).map((desk) => step4(own, desk)));
  });

  it("are kept running by mesos-supervise", { timeout: COLD_MS }, async () => {
    const own = suite();
    const [typescript] = await ready(own);
    if (typescript) await keptRunning(own, typescript);
  });
});

describe("the tutorial's sources", () => {
  const cleanup = cleanupAfterAll();

  it("are formatted, and linters have nothing to say", { timeout: COLD_MS }, async () => {
    const folder = await cleanup.tempDir();
    await succeed(process.execPath, [at("scripts/tutorial.mjs"), folder]);
    expect(await succeed("gofmt", ["-l", folder])).toBe("");
    const ruff = [await preparePython(), ["-m", "ruff", "--isolated"], { env: pythonEnv, cwd: folder }] as const;
    const [python, command, options] = ruff;
    await succeed(python, [...command, "format", "--check", "--line-length=120", "."], options);
    const rules = "--select=E,F,W,I,B,UP,SIM,RUF,PL";
    await succeed(python, [...command, "check", "--line-length=120", "--target-version=py311", rules, "."], options);
  });
});
