import { describe, expect, test } from "vitest";
import { Batch } from "../support/batch.js";
import { startBridge } from "../support/bridge.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { realMesosMissing, startRealMesos } from "../support/realMesos.js";

const missing = realMesosMissing();
const wanted = process.env.MESOS !== "embedded" && (missing === undefined || process.env.CI === "true");

/** The real one, whose heartbeats can't be made to come more often than each 15 s. */
describe.runIf(wanted)("a real Mesos that stands still", () => {
  const cleanup = cleanupAfterAll();

  test("is given up after two missed heartbeats; when it goes on nothing is lost", { timeout: 300_000 }, async () => {
    const mesos = cleanup.use(
      await startRealMesos({
        agents: 2,
        resources: "cpus:2;mem:1024;disk:1000",
        flags: { allocation_interval: "100ms" },
      }),
    );
    // A call that the master took and did not answer must not be what it is given up for.
    const flags = ["--missed-heartbeats", "2", "--call-timeout", "120s"];
    const bridge = cleanup.use(await startBridge({ master: mesos.master, flags }));
    const batch = await Batch.start({ bridge, master: mesos.master, cleanup });
    await batch.updates(40);
    await mesos.pause(true);
    try {
      await bridge.process.logged(/was silent for 30000 ms/, { timeoutMs: 60_000 });
    } finally {
      await mesos.pause(false);
    }
    // An agent sends an update again after 10 s, 20 s, 40 s and so on: some went to the subscription that was given up.
    await batch.expectAllRanOnce({ timeoutMs: 180_000 });
    expect(batch.lines().filter(({ kind }) => kind === "detached")).toEqual([]);
  });
});
