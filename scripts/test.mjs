// npm test: everything that tests need, then the tests. The last line is `N passed, N failed[, N skipped]`.
//
//   npm test                      all suites
//   npm test -- unit              one suite: a folder of test/
//   npm test -- unit/wire         the test files whose path holds this
//   npm test -- -t 'decline'      options go to vitest
//
// With CI=true what fails is run once more (scripts/vitest.mjs); what passes then is named before the last line.
import { readdirSync } from "node:fs";
import { installRealMesos } from "./install-real-mesos.mjs";
import { installTools } from "./install-tools.mjs";
import { at, filesUnder } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { runTests, summary } from "./vitest.mjs";

const noTests = new Set(["support", "fixtures", "real-mesos"]);
/** What a suite is: a folder of test/ that holds tests. */
const suites = readdirSync(at("test"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !noTests.has(entry.name) && hasTests(entry.name))
  .map((entry) => entry.name);

function hasTests(suite) {
  return filesUnder(`test/${suite}`, (name) => name.endsWith(".test.ts")).length > 0;
}

/** The suites that the arguments choose, or all of them. A file filter begins with its suite. */
function chosenSuites(args) {
  const words = args.filter((arg) => !arg.startsWith("-")).map((arg) => arg.replace(/^(\.\/)?test\//, ""));
  const chosen = words.map((word) => word.split("/")[0]).filter((word) => suites.includes(word));
  return words.length > 0 && chosen.length === words.length ? new Set(chosen) : new Set(suites);
}

/** What suites need beside the generated code. One that is not named needs all of it. */
const needs = { unit: [], scripts: [], contract: ["build", "real Mesos"] };
const allNeeds = ["build", "real Mesos", "tools"];

/** Gets what the suites need. Gives why the real Mesos or a tool is missing, a line each. */
async function prepare(chosen) {
  const wanted = new Set([...chosen].flatMap((suite) => needs[suite] ?? allNeeds));
  await setup({ build: wanted.has("build") });
  const missing = [
    wanted.has("real Mesos") ? await installRealMesos({ quiet: true }) : undefined,
    wanted.has("tools") ? await installTools() : undefined,
  ];
  return missing.filter((reason) => reason !== undefined);
}

async function main(args) {
  let missing;
  try {
    missing = await prepare(chosenSuites(args));
  } catch (error) {
    console.error(`test: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0, flaky: [] };
  }
  const totals = await runTests(args.map((arg) => (suites.includes(arg) ? `test/${arg}/` : arg)));
  for (const reason of missing) {
    console.error(`\n!!! NOT TESTED: what needs it was skipped\n!!! ${reason.trimEnd().replaceAll("\n", "\n!!! ")}`);
  }
  if (process.env.CI === "true") totals.failed += missing.length;
  return totals;
}

const totals = await main(process.argv.slice(2));
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
console.log(summary(totals));
