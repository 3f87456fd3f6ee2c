import type { Effort } from "./effort.js";
import { type Figure, Rig, spread } from "./harness.js";

const COUNT = 50_000;
const WIRE_DELAY_MS = 2;

/** Status updates to their acknowledgements at the master, a second, one framework, in order: near and far. */
export async function acknowledgements(effort: Effort): Promise<Figure[]> {
  return [await acknowledgementsOver(effort, 0, 15_000), await acknowledgementsOver(effort, WIRE_DELAY_MS, 10_000)];
}

async function acknowledgementsOver(effort: Effort, wireDelayMs: number, reach: number): Promise<Figure> {
  const count = effort.count(COUNT);
  const rig = await Rig.open({ wireDelayMs });
  try {
    const client = await rig.client("bench");
    client.tell("acknowledge", ["bench"]);
    const rates: number[] = [];
    for (let run = 0; run <= effort.runs; run++) {
      rig.master.tell("prepare", { kind: "updates", count, bytes: 300 });
      await rig.master.next("prepared");
      rig.master.tell("expectCalls", count);
      const started = process.hrtime.bigint();
      rig.master.tell("flood");
      await rig.master.next("calls");
      if (run > 0) rates.push(count / (Number(process.hrtime.bigint() - started) / 1e9));
    }
    const value = spread(rates);
    const wire = wireDelayMs === 0 ? "" : `, with ${wireDelayMs} ms of wire delay each way`;
    const name = `status updates to their acknowledgements at the master${wire}`;
    return { name, unit: "/s", value, reach: `> ${reach.toLocaleString("en")}`, reached: value.median > reach };
  } finally {
    await rig.close();
  }
}
