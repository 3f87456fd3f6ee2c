import type { Effort } from "./effort.js";
import { type Figure, Rig, spread, usageOf } from "./harness.js";

const OFFER_BYTES = 420;

/** One OFFERS event, from its first byte at the master to the last offer in the client's hands. */
export async function offers(effort: Effort): Promise<Figure[]> {
  return [
    ...(await offersOf(effort, effort.count(10_000), 0.15)),
    ...(await offersOf(effort, effort.count(50_000), 1)),
  ];
}

async function offersOf(effort: Effort, count: number, reachSeconds: number): Promise<Figure[]> {
  const bridged: number[] = [];
  const straight: number[] = [];
  const memory: number[] = [];
  // Each run on a bridge of its own: open offers stay, and memory has to be seen from idle.
  for (let run = 0; run < effort.runs; run++) {
    const rig = await Rig.open();
    try {
      const direct = await rig.direct();
      straight.push(await floodDirect(rig, direct, count));
      direct.close();
      const client = await rig.client("bench");
      const idleMb = usageOf(rig.bridge.pid).residentMb;
      rig.master.tell("prepare", { kind: "offers", count, bytes: OFFER_BYTES });
      const { bytes } = await rig.master.next("prepared");
      client.tell("countBytes", Number(bytes) * 0.99);
      await client.next("counting");
      rig.master.tell("flood");
      bridged.push(Number((await client.next("counted")).seconds));
      memory.push(usageOf(rig.bridge.pid).peakMb - idleMb);
    } finally {
      await rig.close();
    }
  }
  const value = spread(bridged);
  const megabytes = spread(memory);
  const name = `one OFFERS event of ${count} offers`;
  return [
    {
      name: `${name}, to the client`,
      unit: "s",
      value,
      reference: spread(straight),
      reach: `< ${reachSeconds} s`,
      reached: value.median < reachSeconds,
    },
    {
      name: `${name}, memory over idle`,
      unit: "MB",
      value: megabytes,
      reach: "< 150 MB",
      reached: megabytes.median < 150,
    },
  ];
}

async function floodDirect(rig: Rig, direct: ReturnType<Rig["worker"]>, count: number): Promise<number> {
  rig.master.tell("prepare", { kind: "offers", count, bytes: OFFER_BYTES });
  const { bytes } = await rig.master.next("prepared");
  direct.tell("countBytes", Number(bytes) * 0.99);
  await direct.next("counting");
  rig.master.tell("flood");
  return Number((await direct.next("counted")).seconds);
}
