import { expect, test } from "vitest";
import type { Framework } from "../../gen/mesosbridge/v1/observer.js";
import { Batch, seeded } from "../support/batch.js";
import type { Bridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { describeBridge } from "../support/describeBridge.js";
import { eventually } from "../support/eventually.js";

const cluster = { agents: 2, resources: "cpus:2;mem:1024;disk:1000" };

/** Sixty short tasks whose client is stopped for longer than the bridge waits for it. */
describeBridge("a client that stands still", cluster, (suite) => {
  async function start(leaseMs: number) {
    const { ownBridge, mesos, cleanup } = suite();
    const bridge = await ownBridge(["--client-timeout", "1s", "--offer-hold", "300ms"]);
    const batch = await Batch.start({ bridge, master: mesos.master, cleanup, leaseMs });
    const client = cleanup.use(new BridgeClient(bridge.address));
    const random = seeded(`client stopped, lease of ${leaseMs} ms`);
    await batch.updates(1 + random(60));
    batch.signalClient("SIGSTOP");
    return { bridge, batch, client };
  }

  /** Waits until the bridge says that of the batch's framework. */
  function seen(client: BridgeClient, batch: Batch, what: string, is: (framework: Framework) => boolean) {
    return eventually(
      async () => {
        const { response } = await client.call("listFrameworks", {});
        return response?.frameworks.some((each) => each.frameworkName === batch.frameworkName && is(each));
      },
      { what, timeoutMs: 15_000 },
    );
  }

  const attachments = ({ log }: Bridge) => log().match(/"msg":"attached"/g)?.length ?? 0;

  test("for longer than its timeout: it is taken for gone, resumes, and nothing is lost", async () => {
    const { bridge, batch, client } = await start(120_000);
    await seen(client, batch, "a framework without a client or offers", (framework) => {
      return framework.sessionOpen && !framework.attached && framework.openOffers === 0;
    });
    batch.signalClient("SIGCONT");
    await batch.finished();
    // Its stream had ended; it went on where it was.
    expect(batch.lines()).toContainEqual(expect.objectContaining({ kind: "opened", resumed: true }));
    expect(attachments(bridge)).toBeGreaterThanOrEqual(2);
    await batch.expectAllRanOnce();
  });

  test("for longer than its lease: the session ends, another begins, and nothing is lost", async () => {
    const { bridge, batch, client } = await start(500);
    await bridge.process.logged(/the lease ran out/);
    await seen(client, batch, "a framework without a session", ({ sessionOpen }) => !sessionOpen);
    batch.signalClient("SIGCONT");
    await batch.expectAllRanOnce({ exactly: false });
  });

  test("and its bridge with it: nothing is lost", async () => {
    const { bridge, batch, client } = await start(120_000);
    await seen(client, batch, "a framework without a client", ({ attached }) => !attached);
    await bridge.kill();
    await bridge.restart();
    batch.signalClient("SIGCONT");
    await batch.expectAllRanOnce({ exactly: false });
  });
});
