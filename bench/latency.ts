import type { Effort } from "./effort.js";
import { type Figure, Rig, spread, type Worker } from "./harness.js";

const SECONDS = 2;
const P50_MS = 0.3;
const P99_MS = 2;

interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** What the bridge adds to the way of an event and of a call, beside the same way without it. */
export async function latency(effort: Effort): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const rate of effort.some([1_000, 5_000])) {
    const rig = await Rig.open();
    try {
      figures.push(...(await eventLatency(effort, rig, rate)), ...(await callLatency(effort, rig, rate)));
    } finally {
      await rig.close();
    }
  }
  return figures;
}

/** Both subscribe at the same master, which writes to them in turn: so they share its pace and the machine's mood. */
async function eventLatency(effort: Effort, rig: Rig, rate: number): Promise<Figure[]> {
  const client = await rig.client("bench");
  const direct = await rig.direct();
  const bridged: Percentiles[] = [];
  const straight: Percentiles[] = [];
  for (let run = 0; run <= effort.runs; run++) {
    for (const worker of [client, direct]) {
      worker.tell("time");
      await worker.next("timing");
    }
    rig.master.tell("pace", { rate: rate * 2, seconds: effort.seconds(SECONDS), bytes: 300 });
    await rig.master.next("paced");
    const [with_, without] = [await latencies(client), await latencies(direct)];
    if (run === 0) continue;
    bridged.push(with_);
    straight.push(without);
  }
  return figuresOf(`event, ${rate}/s`, bridged, straight);
}

async function callLatency(effort: Effort, rig: Rig, rate: number): Promise<Figure[]> {
  const client = await rig.client("calls");
  const direct = await rig.direct();
  const bridged: Percentiles[] = [];
  const straight: Percentiles[] = [];
  for (let run = 0; run <= effort.runs; run++) {
    const options = { count: Math.ceil(rate * effort.seconds(SECONDS)), rate, window: 0 };
    client.tell("makeCalls", { ...options, frameworkName: "calls", unary: false });
    const with_ = percentilesOf(await client.next("answered"));
    direct.tell("makeCalls", options);
    const without = percentilesOf(await direct.next("answered"));
    if (run === 0) continue;
    bridged.push(with_);
    straight.push(without);
  }
  return figuresOf(`call and its answer, ${rate}/s`, bridged, straight);
}

async function latencies(worker: Worker): Promise<Percentiles> {
  worker.tell("latencies");
  const { frameworks } = await worker.next("latencies");
  const [first] = frameworks as Array<Record<string, unknown>>;
  return percentilesOf(first ?? {});
}

function percentilesOf(report: Record<string, unknown>): Percentiles {
  return { p50: Number(report.p50), p99: Number(report.p99), p999: Number(report.p999) };
}

function figuresOf(what: string, bridged: readonly Percentiles[], straight: readonly Percentiles[]): Figure[] {
  const figure = (name: keyof Percentiles, reachMs?: number): Figure => {
    const value = spread(bridged.map((run, i) => run[name] - (straight[i]?.[name] ?? 0)));
    const reference = spread(straight.map((run) => run[name]));
    const base = { name: `added latency, ${what}, ${name}`, unit: "ms", value, reference };
    return reachMs === undefined ? base : { ...base, reach: `< ${reachMs} ms`, reached: value.median < reachMs };
  };
  return [figure("p50", P50_MS), figure("p99", P99_MS), figure("p999")];
}
