import type { Effort } from "./effort.js";
import { type Figure, Rig, spread, usageOf } from "./harness.js";

const SECONDS = 3;
const RATE = 5_000;

/** What observers of one framework cost the bridge, at 5,000 events a second. */
export async function observers(effort: Effort): Promise<Figure[]> {
  const figures: Figure[] = [];
  const base = await observedCpu(effort, 0);
  for (const count of effort.some([1, 10, 100])) {
    const cpu = await observedCpu(effort, count);
    const each = spread(
      cpu.map((value, i) => ((value - (base[i] ?? 0)) / count / (RATE * effort.seconds(SECONDS))) * 1e6),
    );
    figures.push({ name: `${count} observers, processor time an observer and event`, unit: "us", value: each });
  }
  return figures;
}

async function observedCpu(effort: Effort, count: number): Promise<number[]> {
  const seconds = effort.seconds(SECONDS);
  const rig = await Rig.open();
  try {
    const client = await rig.client("bench");
    const watcher = rig.worker("client");
    watcher.tell("watch", { address: rig.bridge.address, count });
    for (let i = 0; i < count; i++) await watcher.next("watching");
    const used: number[] = [];
    for (let run = 0; run <= effort.runs; run++) {
      client.tell("count", RATE * seconds);
      await client.next("counting");
      const before = usageOf(rig.bridge.pid).cpuSeconds;
      rig.master.tell("pace", { rate: RATE, seconds, bytes: 300 });
      await client.next("counted");
      if (run > 0) used.push(usageOf(rig.bridge.pid).cpuSeconds - before);
    }
    return used;
  } finally {
    await rig.close();
  }
}

/** Events relayed to a busy client while another framework's client reads nothing. */
export async function stalledClient(effort: Effort): Promise<Figure[]> {
  const alone = await busyRates(effort, false);
  const beside = await busyRates(effort, true);
  const value = spread(beside);
  const reference = spread(alone);
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
}

async function busyRates(effort: Effort, withStalled: boolean): Promise<number[]> {
  const rig = await Rig.open();
  const count = effort.count(50_000);
  try {
    if (withStalled) {
      const stalled = rig.worker("client");
      stalled.tell("attach", { address: rig.bridge.address, frameworkNames: ["stalled"], stalled: true });
      await stalled.next("attached");
      await rig.master.next("subscribed");
      rig.master.tell("prepare", { kind: "messages", count, bytes: 300 });
      await rig.master.next("prepared");
      rig.master.tell("flood");
    }
    const client = await rig.client("busy");
    const rates: number[] = [];
    for (let run = 0; run <= effort.runs; run++) {
      rig.master.tell("prepare", { kind: "messages", count, bytes: 300 });
      await rig.master.next("prepared");
      client.tell("count", count);
      await client.next("counting");
      rig.master.tell("flood");
      const counted = await client.next("counted");
      if (run > 0) rates.push(count / Number(counted.seconds));
    }
    return rates;
  } finally {
    await rig.close();
  }
}
