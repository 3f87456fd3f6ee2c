import { afterEach, describe, expect, test } from "vitest";
import { LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { health, healthIs } from "../support/health.js";

/** Two masters of which one stands by: it answers, but nothing that schedulers need. */
describe("a list of masters", () => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  async function twoMasters() {
    const standby = cleanup.use(await startEmbeddedMesos());
    const leader = cleanup.use(await startEmbeddedMesos());
    standby.faults.standDown({ kind: "redirect", leader: `127.0.0.1:${leader.port}` });
    const masters = `127.0.0.1:${standby.port},127.0.0.1:${leader.port}`;
    return { standby, leader, masters };
  }

  test("health is that of the one that leads, without a framework", async () => {
    const { standby, leader, masters } = await twoMasters();
    const bridge = cleanup.use(await startBridge({ master: masters }));
    await healthIs(bridge.address, "SERVING");
    await leader.crash();
    const late = cleanup.use(await startBridge({ master: masters }));
    await late.process.logged(/no Mesos master: retrying/);
    expect(await health(late.address)).toBe("NOT_SERVING");
    standby.faults.standDown(undefined);
    await healthIs(late.address, "SERVING");
  });

  test("a framework that loses its subscription shows at once", async () => {
    const { standby, leader, masters } = await twoMasters();
    const bridge = cleanup.use(await startBridge({ master: masters }));
    const scheduler = await cleanup.use(await BridgeScheduler.attach(bridge.address)).linked();
    await healthIs(bridge.address, "SERVING");
    await leader.crash();
    await healthIs(bridge.address, "NOT_SERVING");
    standby.faults.standDown(undefined);
    await scheduler.linkChanged(LinkState.LINK_STATE_CONNECTED);
    expect(await health(bridge.address)).toBe("SERVING");
  });

  test("masters that send to one another are no leader", async () => {
    const { standby, leader, masters } = await twoMasters();
    leader.faults.standDown({ kind: "redirect", leader: `127.0.0.1:${standby.port}` });
    const bridge = cleanup.use(await startBridge({ master: masters }));
    await bridge.process.logged(/redirect in a circle/);
    expect(await health(bridge.address)).toBe("NOT_SERVING");
  });

  test("credentials that the master does not take are told, and no reason to be healthy", async () => {
    const mesos = cleanup.use(await startEmbeddedMesos({ credentials: { bridge: "secret" } }));
    const bridge = cleanup.use(await startBridge({ master: mesos.master }));
    await bridge.process.logged(/the master wants authentication, and the bridge has no credentials \(401\)/);
    expect(await health(bridge.address)).toBe("NOT_SERVING");
  });
});
