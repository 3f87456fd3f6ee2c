import type { Effort } from "./effort.js";
import { type Figure, Rig, spread, type Worker } from "./harness.js";

const COUNT = 100_000;
const UNARY_COUNT = 5_000;
const WINDOW = 512;

/** Calls a second on one `Calls` stream, and one by one, beside undici pipelined straight to the same master. */
export async function calls(effort: Effort): Promise<Figure[]> {
  const count = effort.count(COUNT);
  const rig = await Rig.open();
  try {
    const client = await rig.client("bench");
    const direct = await rig.direct();
    const streamed: number[] = [];
    const unary: number[] = [];
    const straight: number[] = [];
    for (let run = 0; run <= effort.runs; run++) {
      const onStream = await rate(client, {
        frameworkName: "bench",
        count,
        rate: 0,
        unary: false,
        window: WINDOW,
      });
      const without = await rate(direct, { count, rate: 0, window: WINDOW });
      const oneByOne = await rate(client, {
        frameworkName: "bench",
        count: effort.count(UNARY_COUNT),
        rate: 0,
        unary: true,
        window: 64,
      });
      if (run === 0) continue;
      streamed.push(onStream);
      straight.push(without);
      unary.push(oneByOne);
    }
    const value = spread(streamed);
    const reference = spread(straight);
    return [
      {
        name: "calls on one Calls stream",
        unit: "/s",
        value,
        reference,
        reach: ">= 0.95 of undici, pipelined by 64",
        reached: value.median >= 0.95 * reference.median,
      },
      { name: "calls of the unary method, 64 at a time", unit: "/s", value: spread(unary), reference },
    ];
  } finally {
    await rig.close();
  }
}

async function rate(worker: Worker, options: { count: number; [option: string]: unknown }): Promise<number> {
  worker.tell("makeCalls", options);
  return options.count / Number((await worker.next("answered")).seconds);
}
