import type { Effort } from "./effort.js";
import { type BenchBridge, type Figure, Rig, spread, startBridge, type Worker } from "./harness.js";

const COUNT = 25_000;
const FRAMEWORKS = 2;

/** Would the bridge gain from a second core? Two busy frameworks, each with its own bridge, compared with both on one bridge. */
export async function twoProcesses(effort: Effort): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const acknowledge of [false, true]) {
    const value = spread(await rates(effort, FRAMEWORKS, acknowledge));
    const reference = spread(await rates(effort, 1, acknowledge));
    const what = acknowledge ? "updates with their acknowledgements" : "events of 300 B";
    figures.push({
      name: `${what} of two frameworks, a bridge for each, beside one for both`,
      unit: "/s",
      value,
      reference,
    });
  }
  return figures;
}

async function rates(effort: Effort, processes: number, acknowledge: boolean): Promise<number[]> {
  const rig = await Rig.open();
  const more: BenchBridge[] = [];
  try {
    for (let i = 1; i < processes; i++) more.push(await startBridge(rig.masterAddress));
    const bridges = [rig.bridge, ...more];
    const clients: Worker[] = [];
    for (let i = 0; i < FRAMEWORKS; i++) {
      const { address } = bridges[i % bridges.length] ?? rig.bridge;
      clients.push(await attached(rig, address, `bench-${i}`, acknowledge));
    }
    const count = effort.count(COUNT);
    const found: number[] = [];
    for (let run = 0; run <= effort.runs; run++) {
      const seconds = await flooded(rig, clients, count, acknowledge);
      if (run > 0) found.push((count * FRAMEWORKS) / seconds);
    }
    return found;
  } finally {
    for (const bridge of more) await bridge.close();
    await rig.close();
  }
}

async function attached(rig: Rig, address: string, name: string, acknowledge: boolean): Promise<Worker> {
  const client = rig.worker("client");
  client.tell("attach", { address, frameworkNames: [name] });
  await client.next("attached");
  await rig.master.next("subscribed");
  if (acknowledge) client.tell("acknowledge", [name]);
  return client;
}

/** Until the last client has all its events, or the master all acknowledgements. */
async function flooded(rig: Rig, clients: readonly Worker[], count: number, acknowledge: boolean): Promise<number> {
  rig.master.tell("prepare", { kind: acknowledge ? "updates" : "messages", count, bytes: 300 });
  await rig.master.next("prepared");
  for (const client of clients) client.tell("count", count);
  for (const client of clients) await client.next("counting");
  if (acknowledge) rig.master.tell("expectCalls", count * clients.length);
  const started = process.hrtime.bigint();
  rig.master.tell("flood", true);
  for (const client of clients) await client.next("counted");
  if (acknowledge) await rig.master.next("calls");
  return Number(process.hrtime.bigint() - started) / 1e9;
}
