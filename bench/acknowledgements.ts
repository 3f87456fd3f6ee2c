import { type ClientKind, goClients, nodeClient } from "./clientKinds.js";
import type { Effort } from "./effort.js";
import { type Figure, Rig, spread } from "./harness.js";

const COUNT = 50_000;
const WIRE_DELAY_MS = 2;

/** Status updates to their acknowledgements at the master, a second, one framework, in order: near and far. */
export async function acknowledgements(effort: Effort): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const kind of [nodeClient, ...(await goClients())]) {
    figures.push(await acknowledgementsOver(effort, kind, 0, 15_000));
    figures.push(await acknowledgementsOver(effort, kind, WIRE_DELAY_MS, 10_000));
  }
  return figures;
}

async function acknowledgementsOver(
  effort: Effort,
  kind: ClientKind,
  wireDelayMs: number,
  reach: number,
): Promise<Figure> {
  const count = effort.count(COUNT);
  const rig = await Rig.open({ wireDelayMs });
  try {
    const client = await rig.attach(kind.start(rig), "bench");
    client.tell("acknowledge", ["bench"]);
    await client.next("acknowledging");
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
    const by = kind === nodeClient ? "" : `, by a ${kind.name}`;
    const name = `status updates to their acknowledgements at the master${by}${wire}`;
    return { name, unit: "/s", value, reach: `> ${reach.toLocaleString("en")}`, reached: value.median > reach };
  } finally {
    await rig.close();
  }
}
