import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { acknowledgements } from "./acknowledgements.js";
import { snapshot, start } from "./attach.js";
import { calls } from "./calls.js";
import { type Effort, FULL } from "./effort.js";
import { firstOffer } from "./firstOffer.js";
import { busyFrameworks, idleFrameworks } from "./frameworks.js";
import { goClientRate } from "./goClientRate.js";
import { goVersion } from "./goProgram.js";
import type { Figure, Spread } from "./harness.js";
import { inversion } from "./inversion.js";
import { latency } from "./latency.js";
import { masterRate } from "./masterRate.js";
import { offers } from "./offers.js";
import { relay } from "./relay.js";
import { smoke } from "./smoke.js";
import { spending } from "./spending.js";
import { store } from "./store.js";
import { tasks } from "./tasks.js";
import { twoProcesses } from "./twoProcesses.js";
import { observers, stalledClient } from "./watchers.js";

const benchmarks: Record<string, Benchmark> = {
  relay,
  "master-rate": masterRate,
  "go-client-rate": goClientRate,
  acknowledgements,
  spending,
  calls,
  latency,
  offers,
  "idle-frameworks": idleFrameworks,
  "busy-frameworks": busyFrameworks,
  observers,
  "stalled-client": stalledClient,
  "two-processes": twoProcesses,
  snapshot,
  start,
  "first-offer": firstOffer,
  inversion,
  tasks,
  store,
};

type Benchmark = (effort: Effort) => Promise<Figure[]>;

const RESULTS = "bench-results";

await main(process.argv.slice(2));

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !(name in benchmarks) && name !== "smoke");
  if (unknown !== undefined) {
    const all = [...Object.keys(benchmarks), "smoke"].join(", ");
    process.stderr.write(`bench: there is no '${unknown}'; there are ${all}\n`);
    process.exit(2);
  }
  if (names.includes("smoke")) {
    const broken = await smoke(benchmarks);
    for (const reason of broken) process.stderr.write(`bench: ${reason}\n`);
    process.stdout.write(broken.length === 0 ? "smoke: all is well\n" : "");
    process.exit(broken.length === 0 ? 0 : 1);
  }
  const machine = {
    node: process.version,
    go: await goVersion(),
    processor: cpus()[0]?.model ?? "",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
  };
  mkdirSync(RESULTS, { recursive: true });
  for (const [name, run] of Object.entries(benchmarks)) {
    if (names.length > 0 && !names.includes(name)) continue;
    // What others run at the time is in the figures too.
    const loadBefore = loadavg()[0] ?? 0;
    const figures = await run(FULL);
    const result = { name, date: new Date().toISOString(), machine, loadBefore, figures };
    writeFileSync(`${RESULTS}/${name}.json`, `${JSON.stringify(result, undefined, 2)}\n`);
    process.stdout.write(`${figures.map(line).join("\n")}\n`);
  }
}

function line({ name, unit, value, reference, reach, reached }: Figure): string {
  const against = reference
    ? `  reference ${number(reference.median)}  ratio ${(value.median / reference.median).toFixed(2)}`
    : "";
  const goal = reach === undefined ? "" : `  ${reached ? "reached" : "NOT REACHED"}: ${reach}`;
  return `${name.padEnd(64)} ${range(value)} ${unit}${against}${goal}`;
}

function range({ median, min, max }: Spread): string {
  return min === max ? number(median) : `${number(median)} (${number(min)} to ${number(max)})`;
}

function number(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
