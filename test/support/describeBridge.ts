import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { type Bridge, startBridge } from "./bridge.js";
import { BridgeClient } from "./bridgeClient.js";
import { BridgeScheduler, type PartialSubscribe } from "./bridgeScheduler.js";
import { Cleanup } from "./cleanup.js";
import { type ClusterOptions, describeEachMesos, type MesosCluster } from "./cluster.js";

export interface BridgeSuiteOptions extends ClusterOptions {
  /** More flags of the bridge. */
  bridgeFlags?: readonly string[];
}

/** What the tests of one suite share: a Mesos, and a bridge to it. */
export interface BridgeSuite {
  readonly mesos: MesosCluster;
  readonly bridge: Bridge;
  /** A client for what is no scheduler's business. */
  readonly client: BridgeClient;
  /** What is stopped after the test. */
  readonly cleanup: Cleanup;
  /** Attaches to a bridge, by default the suite's, and waits for Opened. The framework ends with the test. */
  attach(request?: PartialSubscribe, bridge?: Bridge): Promise<BridgeScheduler>;
  /** The same without waiting for anything. */
  start(request?: PartialSubscribe, bridge?: Bridge): BridgeScheduler;
  /** Another bridge to the same Mesos, for tests that kill it. It ends with the test. */
  ownBridge(flags?: readonly string[]): Promise<Bridge>;
}

/** Runs the same cases with a bridge on a real and on an embedded Mesos. */
export function describeBridge(
  name: string,
  options: BridgeSuiteOptions,
  body: (suite: () => BridgeSuite, kind: MesosCluster["kind"]) => void,
): void {
  const { bridgeFlags = [], ...cluster } = options;
  const flags = { allocation_interval: "100ms", ...cluster.flags };
  describeEachMesos(name, { ...cluster, flags }, (mesos, kind) => {
    let bridge: Bridge | undefined;
    let client: BridgeClient | undefined;
    let suite: BridgeSuite | undefined;
    beforeAll(async () => {
      bridge = await startBridge({ master: mesos().master, flags: bridgeFlags });
      client = new BridgeClient(bridge.address);
    });
    afterAll(async () => {
      client?.stop();
      await bridge?.stop();
    });
    beforeEach(({ onTestFailed }) => {
      if (!bridge || !client) throw new Error("the bridge has not started");
      const own = makeSuite(mesos(), bridge, client);
      suite = own;
      const before = bridge.log().length;
      onTestFailed(() => console.error(`what the bridge said:\n${own.bridge.log().slice(before).slice(-6_000)}`));
    });
    afterEach(() => suite?.cleanup.run());
    body(() => {
      if (!suite) throw new Error("the suite is there only within tests");
      return suite;
    }, kind);
  });
}

function makeSuite(mesos: MesosCluster, bridge: Bridge, client: BridgeClient): BridgeSuite {
  const cleanup = new Cleanup();
  const start = (request: PartialSubscribe = {}, on: Bridge = bridge) => {
    const scheduler = BridgeScheduler.start(on.address, request);
    cleanup.defer(() => end(scheduler, on));
    return scheduler;
  };
  return {
    mesos,
    bridge,
    client,
    cleanup,
    start,
    async attach(request, on) {
      const scheduler = start(request, on);
      await scheduler.open();
      return scheduler;
    },
    ownBridge: async (flags = []) => cleanup.use(await startBridge({ master: mesos.master, flags })),
  };
}

/** Tears a framework down, whoever is attached to it, if the bridge still knows it. */
async function end(scheduler: BridgeScheduler, { address }: Bridge): Promise<void> {
  scheduler.stop();
  const last = BridgeScheduler.start(address, { frameworkName: scheduler.name, frameworkInfo: undefined });
  try {
    await last.open({ timeoutMs: 10_000 });
    await last.linked({ timeoutMs: 10_000 });
    await last.ok("teardown");
  } catch {
    // It is gone already, or its bridge is.
  } finally {
    last.stop();
  }
}
