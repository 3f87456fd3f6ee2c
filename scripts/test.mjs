// npm test: everything that tests need, then the tests. The last line is `N passed, N failed[, N skipped]`.
//
//   npm test                      all suites
//   npm test -- unit              one suite: a folder of test/
//   npm test -- peers             with a real Singularity, which no other run includes
//   npm test -- unit/wire         the test files whose path holds this
//   npm test -- -t 'decline'      options go to vitest
//   npm run test:steady           the same with any of these, three times over: scripts/steady.mjs
//
// With CI=true what fails is run once more (scripts/vitest.mjs); what passes then is named before the last line.
import { readdirSync } from "node:fs";
import { installRealMesos } from "./install-real-mesos.mjs";
import { installSingularity } from "./install-singularity.mjs";
import { installTools } from "./install-tools.mjs";
import { at, filesUnder } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { runSteadily } from "./steady.mjs";
import { runTests, summary } from "./vitest.mjs";

const noTests = new Set(["support", "fixtures", "real-mesos"]);
/** What a suite is: a folder of test/ that holds tests. */
const suites = readdirSync(at("test"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !noTests.has(entry.name) && hasTests(entry.name))
  .map((entry) => entry.name);

function hasTests(suite) {
  return filesUnder(`test/${suite}`, (name) => name.endsWith(".test.ts")).length > 0;
}

/** Suites that run only if they are named: vitest.config.ts has the same rule. */
const onRequest = new Set(["peers"]);

/** The suites that the arguments choose, or all but those on request. A file filter begins with its suite. */
function chosenSuites(args) {
  const words = args.filter((arg) => !arg.startsWith("-")).map((arg) => arg.replace(/^(\.\/)?test\//, ""));
  const chosen = words.map((word) => word.split("/")[0]).filter((word) => suites.includes(word));
  const usual = new Set(suites.filter((suite) => !onRequest.has(suite)));
  return words.length > 0 && chosen.length === words.length ? new Set(chosen) : usual;
}

/** What suites need beside the generated code. One that is not named needs all of it. */
const needs = {
  unit: [],
  scripts: [],
  system: ["build"],
  contract: ["build", "real Mesos"],
  peers: ["build", "real Mesos", "Singularity"],
};
const allNeeds = ["build", "real Mesos", "tools"];

/** Gets what the suites need. Gives why the real Mesos or a tool is missing, a line each. */
async function prepare(chosen) {
  const wanted = new Set([...chosen].flatMap((suite) => needs[suite] ?? allNeeds));
  await setup({ build: wanted.has("build") });
  const missing = [
    wanted.has("real Mesos") ? await installRealMesos({ quiet: true }) : undefined,
    wanted.has("tools") ? await installTools() : undefined,
    wanted.has("Singularity") ? await installSingularity() : undefined,
  ];
  return missing.filter((reason) => reason !== undefined);
}

function sayMissing(reasons) {
  for (const reason of reasons) {
    console.error(`\n!!! NOT TESTED: what needs it was skipped\n!!! ${reason.trimEnd().replaceAll("\n", "\n!!! ")}`);
  }
}

/** As vitest names the files of a suite. */
const vitestArgs = (args) => args.map((arg) => (suites.includes(arg) ? `test/${arg}/` : arg));

/** Prints the totals, and gives whether all is well. */
async function once(args, missing) {
  const totals = await runTests(vitestArgs(args));
  sayMissing(missing);
  if (process.env.CI === "true") totals.failed += missing.length;
  console.log(summary(totals));
  return totals.failed === 0 && totals.passed > 0;
}

async function steadily(args, missing) {
  const steady = await runSteadily(vitestArgs(args));
  sayMissing(missing);
  return steady && (missing.length === 0 || process.env.CI !== "true");
}

async function main([first, ...rest]) {
  const [run, args] = first === "--steady" ? [steadily, rest] : [once, first === undefined ? [] : [first, ...rest]];
  let missing;
  try {
    missing = await prepare(chosenSuites(args));
  } catch (error) {
    console.error(`test: ${error.message}`);
    console.log(summary({ passed: 0, failed: 1, skipped: 0, flaky: [] }));
    return false;
  }
  return await run(args, missing);
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
