// Runs vitest, and counts. With CI=true what fails is run once more, so that a test that fails by chance does not stop
// others; it is reported as FLAKY all the same. Without it a failure shows at once.
//
//   node scripts/vitest.mjs ARGS      vitest run ARGS, without what `npm test` gets ready before
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { at, isMain, node } from "./lib.mjs";

/**
 * Runs the tests and gives `{ passed, failed, skipped, flaky, files }`: how many there were, the lines about flaky ones, and
 * what scripts/totals-reporter.mjs says of each file.
 *
 * @param options.again run once more what fails. Default: with CI=true
 */
export async function runTests(args, { again = process.env.CI === "true" } = {}) {
  const first = await vitest(again ? ["--retry=1", ...args] : args);
  // vitest retries tests, but no hooks: a file whose set-up failed is run again as a whole.
  const broken = again ? first.files.filter(({ brokenSetUps }) => brokenSetUps.length > 0) : [];
  if (broken.length === 0) return totalsOf(first.files, [first], []);
  const paths = broken.map(({ path }) => path);
  console.log(`\nonce more, because their set-up failed: ${paths.map(nameOf).join(" ")}`);
  const second = await vitest(["--retry=1", ...(await optionsIn(args)), ...paths]);
  const files = first.files.map((file) => second.files.find(({ path }) => path === file.path) ?? file);
  return totalsOf(files, [first, second], broken);
}

/** What `runTests` gives, as the last lines of a run. */
export function summary({ passed, failed, skipped, flaky }) {
  const counts = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  return ["", ...flaky, counts].join("\n");
}

/** Runs vitest once. Gives what scripts/totals-reporter.mjs writes, and how many failures that does not show. */
async function vitest(args) {
  const scratch = await mkdtemp(join(tmpdir(), "mesos-bridge-test-"));
  const file = join(scratch, "totals.json");
  const reporters = ["--reporter=default", `--reporter=${at("scripts/totals-reporter.mjs")}`];
  try {
    const env = { ...process.env, TEST_TOTALS: file };
    const { status } = await node([at("node_modules/vitest/vitest.mjs"), "run", ...reporters, ...args], { env });
    const run = existsSync(file) ? JSON.parse(await readFile(file, "utf8")) : { files: [], unhandled: 0 };
    // Whatever else vitest finds wrong must not look like success.
    const explained = run.unhandled > 0 || run.files.some((each) => failuresIn(each) > 0);
    return { files: run.files, otherFailures: run.unhandled + (status !== 0 && !explained ? 1 : 0) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The arguments without the test files that they name. Only vitest knows which of its options take a value. */
async function optionsIn(args) {
  const { parseCLI } = await import("vitest/node");
  const mark = "is this a file?";
  const isFile = (i) => parseCLI(["vitest", "run", ...args.with(i, mark)]).filter.includes(mark);
  return args.filter((arg, i) => arg.startsWith("-") || !isFile(i));
}

/** Each test counts once: those of a file that was run again as they were in its second run. */
function totalsOf(files, runs, broken) {
  const tests = files.flatMap((file) => file.tests);
  const count = (state) => tests.filter((test) => test.state === state).length;
  const otherFailures = runs.reduce((sum, run) => sum + run.otherFailures, 0);
  return {
    files,
    passed: count("passed"),
    failed: files.reduce((sum, file) => sum + failuresIn(file), otherFailures),
    skipped: count("skipped"),
    flaky: files.flatMap((file) => {
      const before = broken.find(({ path }) => path === file.path);
      return flakyIn(file, before).map(({ name, error }) => flakyLine(file, name, error));
    }),
  };
}

function failuresIn({ brokenSetUps, tests }) {
  return brokenSetUps.length + tests.filter(({ state }) => state === "failed").length;
}

/** What failed at first and then passed. `before`: the first run of a file that was run again. */
function flakyIn(file, before) {
  const failedBefore = new Map(before?.tests.map(({ name, firstError }) => [name, firstError]));
  const setUps =
    before && file.brokenSetUps.length === 0 ? [{ name: "(its set-up)", error: before.brokenSetUps[0] }] : [];
  const tests = file.tests.flatMap(({ name, state, flaky, firstError }) => {
    const error = failedBefore.get(name) ?? (flaky ? firstError : undefined);
    return state === "passed" && error !== undefined ? [{ name, error }] : [];
  });
  return [...setUps, ...tests];
}

/** One line each, so that .ci/run finds them by their first word. */
function flakyLine({ path }, name, error) {
  const reason = stripVTControlCharacters(error).trim().split("\n")[0].slice(0, 300);
  return `FLAKY: ${nameOf(path)} > ${name}${reason === "" ? "" : `\n  it first failed with: ${reason}`}`;
}

const nameOf = (path) => relative(process.cwd(), path);

if (isMain(import.meta.url)) {
  const totals = await runTests(process.argv.slice(2));
  process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
  console.log(summary(totals));
}
