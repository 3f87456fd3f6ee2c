import { defineConfig } from "vitest/config";

/**
 * Suites are folders of test/. The unit tests run in parallel; all others start clusters, daemons and executors
 * of their own, and run one file at a time so that two cores are enough for their deadlines.
 */
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          testTimeout: 15_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "system",
          include: ["test/*/**/*.test.ts"],
          exclude: ["test/unit/**"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    // A test that others wait for must not hang them: each has a deadline, and a failing one shows its logs.
    teardownTimeout: 20_000,
    allowOnly: false,
  },
});
