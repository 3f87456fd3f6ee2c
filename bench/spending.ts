import { relayed } from "./counted.js";
import type { Effort } from "./effort.js";
import { type Figure, Rig, spread } from "./harness.js";
import type { Spent } from "./processes/probe.js";

const EVENTS = 10_000;

/** What an event costs the bridge apart from time: bytes that it allocates on the heap, and bytes that it copies. */
export async function spending(effort: Effort): Promise<Figure[]> {
  const count = effort.count(EVENTS);
  const figures: Figure[] = [];
  for (const bytes of [300, 4096]) {
    const each = await ofRelayed(effort, count, bytes);
    figures.push(...figuresOf(`an event of ${bytes} B relayed`, each));
  }
  figures.push(...figuresOf("a status update of 300 B and its acknowledgement", await ofAcknowledged(effort, count)));
  return figures;
}

function figuresOf(what: string, runs: readonly Spent[]): Figure[] {
  return [
    { name: `${what}, allocated`, unit: "B", value: spread(runs.map(({ allocated }) => allocated)) },
    { name: `${what}, copied`, unit: "B", value: spread(runs.map(({ copied }) => copied)) },
  ];
}

/** By the event, for each run. */
async function ofRelayed(effort: Effort, count: number, bytes: number): Promise<Spent[]> {
  const rig = await Rig.open({ probe: true });
  try {
    const client = await rig.client("bench");
    return await measured(effort, rig, count, () => relayed(rig, client, count, bytes));
  } finally {
    await rig.close();
  }
}

async function ofAcknowledged(effort: Effort, count: number): Promise<Spent[]> {
  const rig = await Rig.open({ probe: true });
  try {
    const client = await rig.client("bench");
    client.tell("acknowledge", ["bench"]);
    await client.next("acknowledging");
    return await measured(effort, rig, count, async () => {
      rig.master.tell("prepare", { kind: "updates", count, bytes: 300 });
      await rig.master.next("prepared");
      rig.master.tell("expectCalls", count);
      rig.master.tell("flood");
      await rig.master.next("calls");
    });
  } finally {
    await rig.close();
  }
}

/** Runs that warm up come first: code that is not optimized yet allocates more. */
async function measured(effort: Effort, rig: Rig, count: number, run: () => Promise<unknown>): Promise<Spent[]> {
  const runs: Spent[] = [];
  for (let i = effort.full ? -10 : 0; i <= effort.runs; i++) {
    await rig.bridge.spent();
    await run();
    const { allocated, copied } = await rig.bridge.spent();
    if (i > 0) runs.push({ allocated: allocated / count, copied: copied / count });
  }
  return runs;
}
