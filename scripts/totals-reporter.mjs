// A vitest reporter that writes what there was in all, as JSON, into the file that TEST_TOTALS names. vitest's own
// JSON report does not tell of a hook that failed: its tests are merely skipped there.
import { writeFileSync } from "node:fs";

export default class TotalsReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const totals = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      // A file that can't be loaded, or a hook that fails, is one failure, however many tests wait behind it.
      const suites = [module, ...module.children.allSuites()];
      totals.failed += suites.filter((suite) => suite.errors().length > 0).length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        totals[state === "passed" || state === "failed" ? state : "skipped"] += 1;
      }
    }
    if (process.env.TEST_TOTALS) writeFileSync(process.env.TEST_TOTALS, JSON.stringify(totals));
  }
}
