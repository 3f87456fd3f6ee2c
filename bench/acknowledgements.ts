import { type Figure, Rig, spread } from "./harness.js";

const RUNS = 5;
const COUNT = 50_000;

/** Status updates to their acknowledgements at the master, a second, one framework, in order. */
export async function acknowledgements(): Promise<Figure[]> {
  const rig = await Rig.open();
  try {
    const client = await rig.client("bench");
    client.tell("acknowledge", "bench");
    const rates: number[] = [];
    for (let run = 0; run <= RUNS; run++) {
      rig.master.tell("prepare", { kind: "updates", count: COUNT, bytes: 300 });
      await rig.master.next("prepared");
      rig.master.tell("expectCalls", COUNT);
      const started = process.hrtime.bigint();
      rig.master.tell("flood");
      await rig.master.next("calls");
      if (run > 0) rates.push(COUNT / (Number(process.hrtime.bigint() - started) / 1e9));
    }
    const value = spread(rates);
    const name = "status updates to their acknowledgements at the master";
    return [{ name, unit: "/s", value, reach: "> 15,000", reached: value.median > 15_000 }];
  } finally {
    await rig.close();
  }
}
