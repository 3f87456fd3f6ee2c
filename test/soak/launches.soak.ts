import { afterAll, describe, expect, it } from "vitest";
import { startBridge } from "../support/bridge.js";
import { Cleanup } from "../support/cleanup.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { LaunchKills } from "../support/launchKills.js";
import { startRealMesos } from "../support/realMesos.js";

/** From the moment of the call to after its answer. */
const POINTS = 40;
const ROUNDS = Number(process.env.SOAK_ROUNDS ?? 5);

const cluster = { agents: 1, resources: "cpus:4;mem:2048", flags: { allocation_interval: "100ms" } };
const starts = { embedded: startEmbeddedMesos, real: startRealMesos };

describe.for(["embedded", "real"] as const)("%s Mesos", (kind) => {
  const found = new Map<string, number>();
  let callMs = 0;
  afterAll(() => {
    const what = [...found].map(([text, times]) => `${times} times ${text}`).join(", ");
    console.log(`${kind} Mesos, a launch takes ${callMs.toFixed(1)} ms; killed at ${POINTS} points: ${what}`);
  });

  it("what runs is in the snapshot with its cookie, whenever the bridge is killed", async () => {
    const cleanup = new Cleanup();
    try {
      const mesos = cleanup.use(await starts[kind](cluster));
      const bridge = cleanup.use(await startBridge({ master: mesos.master }));
      const kills = await LaunchKills.start({ bridge, master: mesos.master });
      cleanup.defer(() => kills.stop());
      callMs = kills.callMs;
      for (let i = 0; i < POINTS * ROUNDS; i++) {
        const what = await kills.killAfter((callMs * 1.5 * (i % POINTS)) / POINTS);
        found.set(what, (found.get(what) ?? 0) + 1);
      }
      expect(found.get("it runs")).toBeGreaterThan(0);
    } finally {
      await cleanup.run();
    }
  });
});
