import { setTimeout as delay } from "node:timers/promises";
import { test } from "vitest";
import { Batch, seeded } from "../support/batch.js";
import { describeBridge } from "../support/describeBridge.js";

const TASKS = 300;
const FAULTS = 20;

/** 300 tasks and 20 faults at random moments; `FAULT_SEED=n` repeats a run by the seed that it printed. */
describeBridge("a batch of 300 tasks under 20 random faults", { agents: 2 }, (suite) => {
  test("loses none, runs none twice, and leaves none behind", { timeout: 300_000 }, async () => {
    const random = seeded("random faults");
    const { ownBridge, mesos, cleanup } = suite();
    const bridge = await ownBridge();
    const batch = await Batch.start({ bridge, master: mesos.master, cleanup, count: TASKS });

    const faults = [
      async () => {
        await bridge.kill();
        await delay(random(300));
        await bridge.restart();
      },
      async () => {
        await batch.killClient();
        await batch.startClient();
      },
      async () => {
        await Promise.all([batch.killClient(), bridge.kill()]);
        await bridge.restart();
        await batch.startClient();
      },
      async () => {
        bridge.process.signal("SIGSTOP");
        await delay(200 + random(800));
        bridge.process.signal("SIGCONT");
      },
    ];

    for (let i = 0; i < FAULTS; i++) {
      // A fault for every 15 tasks, each of which has at least two updates.
      await batch.updates(i * 28 + 1 + random(20));
      await delay(random(100));
      await faults[random(faults.length)]?.();
    }
    await batch.expectAllRanOnce({ exactly: false });
  });
});
