import { setTimeout as sleep } from "node:timers/promises";
import { relayed } from "./counted.js";
import type { Effort } from "./effort.js";
import { type Figure, Rig, spread, usageOf, type Worker } from "./harness.js";

const SECONDS = 2;
const RATE = 5_000;

interface Observed {
  /** Processor time of the bridge, in seconds. */
  readonly cpu: number;
  /** Events that reached observers, over all of them. */
  readonly events: number;
  /** Observers that the bridge did not have to end. */
  readonly keptUp: number;
}

/** What observers of one framework cost the bridge, at 5,000 events a second. */
export async function observers(effort: Effort): Promise<Figure[]> {
  const figures: Figure[] = [];
  const base = spread((await observedRuns(effort, 0)).map(({ cpu }) => cpu)).median;
  for (const count of effort.some([1, 10, 100])) {
    const runs = await observedRuns(effort, count);
    const each = runs.map(({ cpu, events }) => ((cpu - base) / Math.max(1, events)) * 1e6);
    figures.push({
      name: `${count} observers, processor time for an event to one of them`,
      unit: "us",
      value: spread(each),
    });
    figures.push({
      name: `${count} observers, how many kept up`,
      unit: "",
      value: spread(runs.map(({ keptUp }) => keptUp)),
    });
  }
  return figures;
}

async function observedRuns(effort: Effort, count: number): Promise<Observed[]> {
  const seconds = effort.seconds(SECONDS);
  const rig = await Rig.open();
  try {
    const client = await rig.client("bench");
    const watcher = rig.worker("client");
    const runs: Observed[] = [];
    for (let run = 0; run <= effort.runs; run++) {
      watcher.tell("watch", { address: rig.bridge.address, count });
      for (let i = 0; i < count; i++) await watcher.next("watching");
      client.tell("count", RATE * seconds);
      await client.next("counting");
      const before = usageOf(rig.bridge.pid).cpuSeconds;
      rig.master.tell("pace", { rate: RATE, seconds, bytes: 300 });
      await client.next("counted");
      const { events, ended } = await allObserved(watcher, RATE * seconds, count);
      if (run > 0) runs.push({ cpu: usageOf(rig.bridge.pid).cpuSeconds - before, events, keptUp: count - ended });
    }
    return runs;
  } finally {
    await rig.close();
  }
}

/** Waits until all observers that are left have all events, or some seconds. */
async function allObserved(watcher: Worker, each: number, count: number): Promise<{ events: number; ended: number }> {
  for (let left = 50; ; left--) {
    watcher.tell("observed");
    const answer = await watcher.next("observed");
    const { events, ended } = { events: Number(answer.events), ended: Number(answer.ended) };
    if (left === 0 || events >= each * (count - ended)) return { events, ended };
    await sleep(100);
  }
}

/** Events relayed to a busy client while another framework's client reads nothing. The runs of both take turns. */
export async function stalledClient(effort: Effort): Promise<Figure[]> {
  const count = effort.count(50_000);
  const [alone, beside] = [await Rig.open(), await Rig.open()];
  try {
    const stalled = beside.worker("client");
    stalled.tell("attach", { address: beside.bridge.address, frameworkNames: ["stalled"], stalled: true });
    await stalled.next("attached");
    await beside.master.next("subscribed");
    beside.master.tell("prepare", { kind: "messages", count, bytes: 300 });
    await beside.master.next("prepared");
    beside.master.tell("flood");
    const clients = { alone: await alone.client("busy"), beside: await beside.client("busy") };
    const rates = { alone: [] as number[], beside: [] as number[] };
    // Runs are short: the first ones warm both up, and more of them are measured.
    const [warmUps, runs] = effort.full ? [3, 4 * effort.runs] : [1, effort.runs];
    for (let run = 1 - warmUps; run <= runs; run++) {
      const without = await relayed(alone, clients.alone, count, 300);
      const together = await relayed(beside, clients.beside, count, 300);
      if (run <= 0) continue;
      rates.alone.push(count / without.seconds);
      rates.beside.push(count / together.seconds);
    }
    const value = spread(rates.beside);
    const reference = spread(rates.alone);
    return [
      {
        name: "events to a busy client beside a stalled one",
        unit: "/s",
        value,
        reference,
        reach: ">= 0.95 of the busy one alone",
        reached: value.median >= 0.95 * reference.median,
      },
    ];
  } finally {
    await alone.close();
    await beside.close();
  }
}
