import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { batchPrograms } from "../languages/standbyPrograms.js";
import { seeded } from "../support/batch.js";
import { startBridge } from "../support/bridge.js";
import { Cleanup } from "../support/cleanup.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { startRealMesos } from "../support/realMesos.js";
import { Standbys } from "../support/standbys.js";

const KILLS = Number(process.env.SOAK_ROUNDS ?? 20);
/** Tasks that end between two kills. */
const GROUP = 50;
/** Of them, kills are followed by a SIGSTOP so often. */
const PAUSE_EACH = 5;
const CLIENT_TIMEOUT_MS = 1_000;

const random = seeded("standbys");
const cluster = { agents: 2, resources: "cpus:4;mem:2048", flags: { allocation_interval: "100ms" } };
const starts = { embedded: startEmbeddedMesos, real: startRealMesos };

function figures(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  return `${sorted.length} times: ${sorted[Math.floor(sorted.length / 2)]} ms (median), ${sorted.at(-1)} ms (longest)`;
}

describe.for(["embedded", "real"] as const)("%s Mesos", (kind) => {
  const killed: number[] = [];
  const paused: number[] = [];
  afterAll(() => {
    console.log(`${kind} Mesos, promoted after the active instance was killed, ${figures(killed)}`);
    console.log(`${kind} Mesos, after it was stopped, with --client-timeout 1s, ${figures(paused)}`);
  });

  it("each task runs once, whichever instance is killed or stopped", async () => {
    const cleanup = new Cleanup();
    try {
      const programs = await batchPrograms(join(await cleanup.tempDir(), "batch"));
      const mesos = cleanup.use(await starts[kind](cluster));
      const flags = ["--client-timeout", `${CLIENT_TIMEOUT_MS}ms`];
      const bridge = cleanup.use(await startBridge({ master: mesos.master, flags }));
      const options = { bridge, master: mesos.master, cleanup, groupSize: GROUP, count: KILLS * GROUP };
      const instances = await Standbys.start(options, programs);
      for (let group = 1; group <= KILLS; group++) {
        instances.batch.nextGroup();
        await instances.batch.ended(group * GROUP - random(GROUP));
        killed.push(await instances.killActive());
        if (group % PAUSE_EACH === 0) paused.push(await instances.pauseActive());
      }
      await instances.batch.expectAllRanOnce({ exactly: false, timeoutMs: 300_000 });
      expect(Math.max(...paused)).toBeLessThan(2 * CLIENT_TIMEOUT_MS + 1_000);
    } finally {
      await cleanup.run();
    }
  });
});
