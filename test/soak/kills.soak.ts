import { afterAll, describe, it } from "vitest";
import { KeptBatch, type Kill, type Outage } from "../e2e/keptBatch.js";
import { seeded } from "../support/batch.js";
import { Cleanup } from "../support/cleanup.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { startRealMesos } from "../support/realMesos.js";

const IMAGES = 120;
const ROUNDS = Number(process.env.SOAK_ROUNDS ?? 5);
const cluster = { agents: 3, resources: "cpus:2;mem:2048", flags: { allocation_interval: "100ms" } };
const KILLS: readonly Kill[] = ["killScheduler", "killBridge", "killBoth", "killSupervisor", "crashCluster"];

const random = seeded("kills");
const shuffled = <T>(items: readonly T[]): T[] => {
  const left = [...items];
  return items.flatMap(() => left.splice(random(left.length), 1));
};

/** What was measured, a line for each kind of kill. */
function report(mesos: string, rounds: number, outages: readonly Outage[]): void {
  const lines = [...new Set(outages.map(({ kind }) => kind))].map((kind) => {
    const all = outages.filter((outage) => outage.kind === kind);
    const times = all.map(({ ms }) => ms / 1000).sort((a, b) => a - b);
    // Of an even number, the higher one of the two in the middle.
    const [median = 0, longest = 0] = [times[Math.floor(times.length / 2)], times.at(-1)];
    return `  ${kind}: ${times.length} times, back after ${median.toFixed(1)} s (median), ${longest.toFixed(1)} s (longest)`;
  });
  const images = `${rounds * IMAGES} images: none lost, none inverted twice`;
  console.log([`${mesos} Mesos, ${rounds} of ${ROUNDS} rounds, ${images}`, ...lines].join("\n"));
}

const starts = { embedded: startEmbeddedMesos, real: startRealMesos };

describe.for(["embedded", "real"] as const)("%s Mesos", (kind) => {
  const outages: Outage[] = [];
  let rounds = 0;
  afterAll(() => report(kind, rounds, outages));

  it.for(Array.from({ length: ROUNDS }, (_, i) => i + 1))("round %i", async (_, { onTestFailed }) => {
    const cleanup = new Cleanup();
    try {
      const mesos = cleanup.use(await starts[kind](cluster));
      const batch = await KeptBatch.start(mesos, cleanup, IMAGES);
      onTestFailed(() => console.error(batch.log()));
      // The real Mesos here, started again, would wait for the agent that is gone.
      const kills: readonly Kill[] = [...shuffled(KILLS), "loseAgent"];
      for (const [i, kill] of kills.entries()) {
        await batch.inverted(4 + i * 16 + random(12));
        await batch[kill]();
      }
      await batch.expectAllInverted();
      rounds++;
      for (const outage of batch.outages) outages.push(outage);
    } finally {
      await cleanup.run();
    }
  });
});
