import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { type BatchProgram, seeded } from "../support/batch.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { describeBridge } from "../support/describeBridge.js";
import { Standbys } from "../support/standbys.js";
import { batchPrograms } from "./standbyPrograms.js";

/** Building from nothing downloads what it needs. */
const COLD_MS = 600_000;
/** Tasks that end together: no more of them do before the next instance stands by. */
const GROUP = 12;
const random = seeded("standbys");
const cluster = { agents: 2, resources: "cpus:2;mem:1024;disk:1000" };

const cleanup = cleanupAfterAll();
let programs: readonly BatchProgram[];
beforeAll(async () => {
  programs = await batchPrograms(join(await cleanup.tempDir(), "batch"));
}, COLD_MS);

/** Sixty short tasks of three instances in three languages, of which the active one is killed, or stopped, again and again. */
describeBridge("standby schedulers in three languages", cluster, (suite) => {
  test("take over from one another, and each task runs once", { timeout: 180_000 }, async () => {
    const { ownBridge, mesos } = suite();
    const bridge = await ownBridge(["--client-timeout", "1s"]);
    const options = { bridge, master: mesos.master, cleanup: suite().cleanup, groupSize: GROUP, count: 5 * GROUP };
    const instances = await Standbys.start(options, programs);
    const { batch } = instances;
    // The one that is killed is started again, and is the last to be active again: each language has its turns.
    for (let group = 1; group <= 4; group++) {
      batch.nextGroup();
      await batch.ended(group * GROUP - random(GROUP));
      await instances.killActive();
    }
    await instances.pauseActive();
    batch.nextGroup();
    await batch.expectAllRanOnce({ exactly: false, timeoutMs: 120_000 });
    expect(bridge.log()).not.toContain('"level":"error"');
  });
});
