import { execFile } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { cleanupAfterAll } from "../support/cleanup.js";
import { at, root } from "../support/paths.js";

const cleanup = cleanupAfterAll();
const fixtures = "test/fixtures/flaky";

/** Up to three runs of vitest: a second each on a quiet machine, 20 where much else is done. */
const RUN_TIMEOUT_MS = 150_000;
vi.setConfig({ testTimeout: RUN_TIMEOUT_MS + 10_000 });

/** The environment without what this run of vitest and its caller have put there. */
const clean = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST_|CI$|FLAKY)/.test(name)),
);

/** Runs a program, and gives its status and the lines of its output without empty ones. */
async function outcome(command: string, args: string[], env: NodeJS.ProcessEnv) {
  const options = { cwd: root, env: { ...clean, NO_COLOR: "1", ...env }, timeout: RUN_TIMEOUT_MS };
  const ended = promisify(execFile)(command, args, options).then(
    ({ stdout }) => ({ status: 0, stdout }),
    ({ code, stdout }: { code: unknown; stdout: string }) => ({ status: code, stdout }),
  );
  const { status, stdout } = await ended;
  return { status, lines: stdout.split("\n").filter((line) => line !== "") };
}

/** Runs the fixtures, from a clean state. */
async function fixtureRun(env: NodeJS.ProcessEnv, ...args: string[]) {
  const FLAKY_STATE = await cleanup.tempDir();
  return outcome(process.execPath, [at("scripts/vitest.mjs"), `--root=${fixtures}`, ...args], { ...env, FLAKY_STATE });
}

describe("tests that fail by chance", () => {
  const flaky = [
    `FLAKY: ${fixtures}/loading.case.mjs > (its set-up)`,
    "  it first failed with: can't be loaded",
    `FLAKY: ${fixtures}/setUp.case.mjs > (its set-up)`,
    "  it first failed with: the port is taken",
    `FLAKY: ${fixtures}/setUp.case.mjs > is right in the second run`,
    "  it first failed with: no server",
    `FLAKY: ${fixtures}/tests.case.mjs > a group > is right the second time`,
    "  it first failed with: wrong",
  ];

  test("are run once more in CI, counted once, and named before the last line", async () => {
    const { status, lines } = await fixtureRun({ CI: "true" });
    expect(lines.slice(-flaky.length - 1)).toEqual([...flaky, "8 passed, 0 failed, 1 skipped"]);
    expect(lines.filter((line) => line.includes("FLAKY")).length).toBe(flaky.length / 2);
    expect(status).toBe(0);
  });

  test("what fails twice fails the run, and is not named", async () => {
    const { status, lines } = await fixtureRun({ CI: "true", FLAKY_ALWAYS: "1" });
    const [loading, secondRun, ofTest] = [flaky.slice(0, 2), flaky.slice(4, 6), flaky.slice(6)];
    // A test, and a set-up that two others wait for.
    expect(lines.slice(-7)).toEqual([...loading, ...secondRun, ...ofTest, "6 passed, 2 failed, 2 skipped"]);
    expect(status).toBe(1);
  });

  test("the second run of a file heeds the options of the first", async () => {
    const { status, lines } = await fixtureRun({ CI: "true" }, "setUp", "-t", "a server ends", "--reporter", "verbose");
    expect(lines.slice(-3)).toEqual([...flaky.slice(2, 4), "1 passed, 0 failed, 3 skipped"]);
    expect(status).toBe(0);
  });

  test("fail at once where a developer runs them", async () => {
    const { status, lines } = await fixtureRun({});
    // A file that can't be loaded, a set-up, and two tests; behind the set-up two tests are skipped.
    expect(lines.at(-1)).toBe("3 passed, 4 failed, 3 skipped");
    expect(lines.filter((line) => line.includes("FLAKY"))).toEqual([]);
    expect(status).toBe(1);
  });
});

describe("node scripts/steady.mjs", () => {
  const steady = (FLAKY_STATE: string, ...args: string[]) =>
    outcome(process.execPath, [at("scripts/steady.mjs"), `--root=${fixtures}`, ...args], {
      STEADY_SEED: "5",
      CI: "true",
      FLAKY_STATE,
    });

  test("fails, and names the tests that did not end the same way three times", async () => {
    const state = await cleanup.tempDir();
    const { status, lines } = await steady(state, "tests.case");
    expect(lines.filter((line) => line.startsWith("UNSTEADY"))).toEqual([
      `UNSTEADY: ${fixtures}/tests.case.mjs > a group > is right the second time: failed, passed, passed`,
    ]);
    expect(lines.at(-1)).toMatch(/^STEADY_SEED=5: \d+ passed, 1 failed; \d+ passed, 0 failed; \d+ passed, 0 failed$/);
    expect(status).toBe(1);
  });

  test("passes where they did, in the orders of its seed", async () => {
    const { status, lines } = await steady(await cleanup.tempDir(), "tests.case", "-t", "is right$");
    expect(lines.filter((line) => /^run \d/.test(line))).toEqual(
      [5, 6, 7].map((seed, i) => `run ${i + 1} of 3, in the order of seed ${seed}`),
    );
    expect(status).toBe(0);
  });
});

describe(".ci/run", () => {
  /** Runs it with an npm that says what the real one might. */
  async function ciRun(testOutput: string) {
    const bin = await cleanup.tempDir();
    const npm = join(bin, "npm");
    await writeFile(
      npm,
      `#!/bin/sh\ncase $1 in\nrun) echo 'checks: 3 passed, 0 failed' ;;\ntest) cat '${bin}/output' ;;\nesac\n`,
    );
    await writeFile(join(bin, "output"), testOutput);
    await chmod(npm, 0o755);
    return outcome("bash", [at(".ci/run")], { PATH: `${bin}:${process.env.PATH}` });
  }

  test("shows flaky tests again, before its last line", async () => {
    const flaky = [
      "FLAKY: test/a.test.ts > x",
      "  it first failed with: wrong",
      "FLAKY: test/b.test.ts > (its set-up)",
    ];
    const { status, lines } = await ciRun([...flaky, "5 passed, 0 failed", ""].join("\n"));
    expect(lines.slice(-5)).toEqual(["5 passed, 0 failed", ...flaky, "8 passed, 0 failed"]);
    expect(status).toBe(0);
  });

  test("says nothing of them where there are none", async () => {
    const { status, lines } = await ciRun("5 passed, 1 failed, 2 skipped\n");
    expect(lines.slice(-2)).toEqual(["5 passed, 1 failed, 2 skipped", "8 passed, 1 failed, 2 skipped"]);
    expect(status).toBe(1);
  });
});
