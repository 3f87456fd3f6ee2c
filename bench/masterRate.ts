import type { Effort } from "./effort.js";
import { type Figure, Rig, spread, type Worker } from "./harness.js";

const COUNT = 50_000;

/**
 * Is the master of these benchmarks ever what they wait for? Its flood to a consumer that only counts bytes, beside the
 * same flood relayed to a client by the bridge.
 */
export async function masterRate(effort: Effort): Promise<Figure[]> {
  const rig = await Rig.open();
  const count = effort.count(COUNT);
  try {
    const client = await rig.client("bench");
    const bridged: number[] = [];
    for (let run = 0; run <= effort.runs; run++) {
      await prepare(rig, count);
      const rate = await flood(rig, client, "count", count, count);
      if (run > 0) bridged.push(rate);
    }
    // The master floods who has subscribed last.
    const direct = await rig.direct();
    direct.tell("onlyCount");
    const straight: number[] = [];
    for (let run = 0; run <= effort.runs; run++) {
      const bytes = await prepare(rig, count);
      // What frames the chunks of HTTP is not counted.
      const rate = await flood(rig, direct, "countBytes", bytes * 0.99, count);
      if (run > 0) straight.push(rate);
    }
    const value = spread(straight);
    const reference = spread(bridged);
    return [
      {
        name: "events of 300 B that the benchmarks' master floods, beside those relayed",
        unit: "/s",
        value,
        reference,
        reach: "> 2 x what is relayed",
        reached: value.median > 2 * reference.median,
      },
    ];
  } finally {
    await rig.close();
  }
}

/** Gives how many bytes the flood has. */
async function prepare(rig: Rig, count: number): Promise<number> {
  rig.master.tell("prepare", { kind: "messages", count, bytes: 300 });
  return Number((await rig.master.next("prepared")).bytes);
}

async function flood(rig: Rig, to: Worker, command: string, until: number, count: number): Promise<number> {
  to.tell(command, until);
  await to.next("counting");
  rig.master.tell("flood");
  return count / Number((await to.next("counted")).seconds);
}
