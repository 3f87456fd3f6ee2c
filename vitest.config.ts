import { defineConfig } from "vitest/config";
import { SpreadOut } from "./test/support/sequencer.js";

/** vitest takes the random order that was asked for only where no other one is set. */
const shuffled = process.argv.some((arg) => arg.startsWith("--sequence.shuffle"));

/** What is heavy and rarely changes its result runs only where it is named: `npm test -- peers`, or a file of it. */
const peersAsked = process.argv.some((arg) => /(^|\/)test\/peers(\/|$)|^peers(\/|$)/.test(arg));

/** One group: vitest runs the files of these projects as if they were of one. */
const sideBySide = { testTimeout: 60_000, hookTimeout: 120_000, maxWorkers: 3, sequence: { groupOrder: 1 } };

/**
 * Suites are folders of test/. The unit tests start no process, and many wait for timers: four files at a time keep
 * two cores busy. The others mostly wait for clusters, daemons and executors of their own; three at a time leave these a
 * share of the cores. What measures runs alone. vitest runs a group when the one before it has ended.
 */
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          setupFiles: ["test/unit/noProcesses.ts"],
          // They leave nothing behind, so that files can share a worker and what it has loaded: a quarter of their time.
          isolate: false,
          // For one that hangs: those that compute take a multiple of their time where others compute, too.
          testTimeout: 60_000,
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "system",
          include: ["test/*/**/*.test.ts"],
          exclude: ["unit", "conformance", "languages", "packages", "bench", "peers"].map(
            (suite) => `test/${suite}/**`,
          ),
          ...sideBySide,
        },
      },
      {
        extends: true,
        test: {
          name: "clients",
          include: ["conformance", "languages", "packages"].map((suite) => `test/${suite}/**/*.test.ts`),
          globalSetup: "test/languages/buildAll.ts",
          ...sideBySide,
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: ["test/bench/**/*.test.ts"],
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "peers",
          include: peersAsked ? ["test/peers/**/*.test.ts"] : [],
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
    sequence: shuffled ? {} : { sequencer: SpreadOut },
    // `npm run test:coverage` sets it.
    setupFiles: [
      "test/support/buffers.ts",
      ...(process.env.TEST_COVERAGE === undefined ? [] : ["test/support/coverage.ts"]),
    ],
    // vitest waits a second by default, which a crowded machine needs for less.
    expect: { poll: { timeout: 30_000, interval: 20 } },
    // A test that others wait for must not hang them: each has a deadline, and a failing one shows its logs.
    teardownTimeout: 20_000,
    allowOnly: false,
  },
});
