// Whether tests come to the same result each time, on a crowded machine and in any order: three runs, each with the files in
// another random order, while processes that compute keep all cores busy. What fails is not run again.
//
//   npm run test:steady -- fault      what `npm test -- fault` runs, three times
//   STEADY_SEED=7                     the orders of an earlier run, which has printed its seed
//   node scripts/steady.mjs ARGS      vitest run ARGS, without what `npm test` gets ready before
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { isMain } from "./lib.mjs";
import { runTests } from "./vitest.mjs";

const RUNS = 3;

/** Keeps a core busy until this process ends it, or is gone. */
const BURNER = `process.on("disconnect", () => process.exit());
(function burn() {
  for (const end = Date.now() + 20; Date.now() < end; );
  setImmediate(burn);
})();`;

/** Starts a burner for each core. Gives what ends them. */
function startBurners() {
  const stdio = ["ignore", "ignore", "inherit", "ipc"];
  const burners = Array.from({ length: availableParallelism() }, () =>
    spawn(process.execPath, ["-e", BURNER], { stdio }),
  );
  return () => {
    for (const burner of burners) burner.kill("SIGKILL");
  };
}

/** Runs the tests, says what differed, and gives whether all passed each time. */
export async function runSteadily(args) {
  const seed = Number(process.env.STEADY_SEED ?? Date.now() % 1_000_000);
  const stop = startBurners();
  const runs = [];
  try {
    for (let i = 0; i < RUNS; i++) {
      console.log(`\nrun ${i + 1} of ${RUNS}, in the order of seed ${seed + i}`);
      const order = ["--sequence.shuffle.files", `--sequence.seed=${seed + i}`];
      runs.push(await runTests([...args, ...order], { again: false }));
    }
  } finally {
    stop();
  }
  const unsteady = differences(runs);
  const counts = runs.map(({ passed, failed }) => `${passed} passed, ${failed} failed`);
  console.log(["", ...unsteady, `STEADY_SEED=${seed}: ${counts.join("; ")}`].join("\n"));
  return unsteady.length === 0 && runs.every(({ passed, failed }) => passed > 0 && failed === 0);
}

/** A line for each test that did not end the same way in all runs. */
function differences(runs) {
  const states = runs.map(
    ({ files }) =>
      new Map(
        files.flatMap(({ path, tests }) =>
          tests.map(({ name, state }) => [`${relative(process.cwd(), path)} > ${name}`, state]),
        ),
      ),
  );
  const names = new Set(states.flatMap((run) => [...run.keys()]));
  return [...names].flatMap((name) => {
    const came = states.map((run) => run.get(name) ?? "not there");
    return new Set(came).size === 1 ? [] : [`UNSTEADY: ${name}: ${came.join(", ")}`];
  });
}

if (isMain(import.meta.url)) process.exitCode = (await runSteadily(process.argv.slice(2))) ? 0 : 1;
