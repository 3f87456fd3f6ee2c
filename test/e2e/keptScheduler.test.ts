import { afterEach, it } from "vitest";
import { seeded } from "../support/batch.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { KeptBatch } from "./keptBatch.js";

const IMAGES = 20;
const cluster = { agents: 3, resources: "cpus:1.2;mem:1024", flags: { allocation_interval: "100ms" } };

/** `npm run soak -- kills` is the long form. */
describeEachMesos("a scheduler that mesos-supervise keeps running", cluster, (mesos) => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  it("comes back, on another agent if need be, and each image is inverted once", { timeout: 300_000 }, async (test) => {
    const random = seeded("kept scheduler");
    const batch = await KeptBatch.start(mesos(), cleanup, IMAGES);
    test.onTestFailed(() => console.error(batch.log()));
    await batch.inverted(1 + random(4));
    await batch.killBoth();
    await batch.inverted(7 + random(4));
    // In the real Mesos here an agent can't be taken away alone and come back.
    await (mesos().kind === "real" ? batch.crashCluster() : batch.loseAgent());
    await batch.expectAllInverted();
    console.log(`${mesos().kind}: ${JSON.stringify(batch.outages)}`);
  });
});
