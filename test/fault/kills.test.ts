import { expect, test } from "vitest";
import { Batch, seeded } from "../support/batch.js";
import { describeBridge } from "../support/describeBridge.js";

const cluster = { agents: 2, resources: "cpus:2;mem:1024;disk:1000" };

/** Sixty short tasks, while what drives them is killed at random steps. */
describeBridge("a batch whose", cluster, (suite) => {
  async function start() {
    const { ownBridge, mesos, cleanup } = suite();
    const bridge = await ownBridge();
    return { bridge, batch: await Batch.start({ bridge, master: mesos.master, cleanup }) };
  }

  test("bridge is killed: every task runs once, and its end is seen once", { timeout: 120_000 }, async () => {
    const random = seeded("bridge killed");
    const { bridge, batch } = await start();
    for (const step of [1 + random(20), 50 + random(30), 100 + random(40)]) {
      await batch.updates(step);
      await batch.loses(() => bridge.kill());
      await bridge.restart();
    }
    await batch.expectAllRanOnce();
  });

  test("bridge is killed while its client has offers to answer: the client notices it", async () => {
    const { bridge, batch } = await start();
    await batch.updates(1);
    batch.signalClient("SIGSTOP");
    await batch.offered(2);
    await batch.loses(async () => {
      await bridge.kill();
      batch.signalClient("SIGCONT");
    });
    await bridge.restart();
    await batch.expectAllRanOnce();
  });

  test("client is killed: every task runs once, and its end is seen", { timeout: 120_000 }, async () => {
    const random = seeded("client killed");
    const { batch } = await start();
    for (const step of [1 + random(20), 50 + random(30), 100 + random(40)]) {
      await batch.updates(step);
      await batch.killClient();
      await batch.startClient();
    }
    await batch.expectAllRanOnce({ exactly: false });
  });

  test("client and bridge are killed: every task runs once, and its end is seen", { timeout: 120_000 }, async () => {
    const random = seeded("both killed");
    const { bridge, batch } = await start();
    for (const step of [1 + random(20), 60 + random(60)]) {
      await batch.updates(step);
      await Promise.all([batch.killClient(), bridge.kill()]);
      await bridge.restart();
      await batch.startClient();
    }
    await batch.expectAllRanOnce({ exactly: false });
  });

  test("bridge stands still while its tasks end: nothing is lost", { timeout: 120_000 }, async () => {
    const random = seeded("bridge stopped");
    const { bridge, batch } = await start();
    await batch.updates(1 + random(40));
    bridge.process.signal("SIGSTOP");
    await batch.allEndedAtMesos();
    bridge.process.signal("SIGCONT");
    await batch.expectAllRanOnce();
    expect(batch.lines().filter(({ kind }) => kind === "detached")).toEqual([]);
  });
});
