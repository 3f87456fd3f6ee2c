import type { Effort } from "./effort.js";
import { type Figure, spread, Worker } from "./harness.js";
import { withRealMesos } from "./realMesos.js";

const ATTEMPTS = 3;

/** From a new framework's first byte to its first offer on the real Mesos, through the bridge and straight. */
export async function firstOffer(effort: Effort): Promise<Figure[]> {
  return withRealMesos("first-offer", "cpus:4;mem:4096", async (mesos, bridge) => {
    const through: number[] = [];
    const straight: number[] = [];
    // The first of each warms the bridge up.
    for (let run = 0; run <= effort.runs * ATTEMPTS; run++) {
      const without = await msUntilOffer("directTasks", mesos.address, run);
      const bridged = await msUntilOffer("bridgeTasks", bridge.address, run);
      if (run === 0) continue;
      straight.push(without);
      through.push(bridged);
    }
    const [value, reference] = [spread(through), spread(straight)];
    const reached = value.median - reference.median < 50;
    const name = "attach to the first offer of the real Mesos";
    return [{ name, unit: "ms", value, reference, reach: "< 50 ms over Mesos's own", reached }];
  });
}

async function msUntilOffer(scheduler: string, address: string, run: number): Promise<number> {
  const worker = new Worker(scheduler);
  try {
    await worker.next("ready");
    worker.tell("start", { address, name: `first-offer-${run}`, command: "true" });
    const { seconds } = await worker.next("offered");
    worker.tell("tearDown");
    await worker.next("tornDown");
    return Number(seconds) * 1000;
  } finally {
    worker.close();
  }
}
