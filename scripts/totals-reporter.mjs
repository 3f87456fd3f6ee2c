// A vitest reporter that writes what there was, file by file, as JSON into the file that TEST_TOTALS names. vitest's own
// JSON report does not tell of a hook that failed: its tests are merely skipped there.
import { writeFileSync } from "node:fs";

export default class TotalsReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const totals = { files: modules.map(fileOf), unhandled: unhandledErrors.length };
    if (process.env.TEST_TOTALS) writeFileSync(process.env.TEST_TOTALS, JSON.stringify(totals));
  }
}

function fileOf(module) {
  // A file that can't be loaded, or a hook that fails, is one failure, however many tests wait behind it.
  const broken = [module, ...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
  return {
    path: module.moduleId,
    brokenSetUps: broken.map((suite) => String(suite.errors()[0].message)),
    tests: [...module.children.allTests()].map(testOf),
  };
}

function testOf(test) {
  const { state, errors } = test.result();
  const firstError = errors?.[0] && String(errors[0].message);
  return {
    name: test.fullName,
    state: state === "passed" || state === "failed" ? state : "skipped",
    // Of a test that passed when it was run again, too. What is expected to fail has none.
    firstError,
    flaky: test.diagnostic()?.flaky === true && firstError !== undefined,
  };
}
