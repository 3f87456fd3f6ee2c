import { expect, test } from "vitest";
import { describeBridge } from "../support/describeBridge.js";
import { LaunchKills } from "../support/launchKills.js";

const cluster = { agents: 1, resources: "cpus:4;mem:2048;disk:1000" };
/** From the moment of the call to after its answer. */
const POINTS = 8;

describeBridge("a launch with a cookie while its", cluster, (suite) => {
  test("bridge is killed: what runs is in the snapshot with its cookie", { timeout: 120_000 }, async () => {
    const { ownBridge, mesos, cleanup } = suite();
    const bridge = await ownBridge();
    const kills = await LaunchKills.start({ bridge, master: mesos.master });
    cleanup.defer(() => kills.stop());
    const found = new Set<string>();
    for (let point = 0; point < POINTS; point++)
      found.add(await kills.killAfter((kills.callMs * 1.5 * point) / POINTS));
    expect(found).toContain("it runs");
  });
});
