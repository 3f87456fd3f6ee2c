import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as pass } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Call_Type, Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { ExpiryPolicy } from "../../gen/mesosbridge/v1/scheduler.js";
import { AnsweringMaster } from "../support/answeringMaster.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { BridgeScheduler, ids, type PartialSubscribe } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { eventually, within } from "../support/eventually.js";
import { framed, HostileClient, statusOf } from "../support/hostileClient.js";
import { socketClosed } from "../support/socketEnd.js";
import { TcpProxy } from "../support/tcpProxy.js";

/** The beginning of a PING that is no answer, as HTTP/2 frames it. */
const PING = Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0]);

/** A bridge that is stopped, as by SIGSTOP or with its machine, hears nobody: that must not count against its clients. */
describe("a bridge that was stopped and goes on", () => {
  let cleanup: Cleanup;
  let master: AnsweringMaster;
  beforeEach(async () => {
    cleanup = new Cleanup();
    master = cleanup.use(await AnsweringMaster.start());
  });
  afterEach(() => cleanup.run());

  async function start(...flags: string[]): Promise<Bridge> {
    return cleanup.use(await startBridge({ master: master.host, flags }));
  }

  /** Stops the bridge for so long, and does something meanwhile. */
  async function stopped(bridge: Bridge, ms: number, meanwhile: () => unknown): Promise<void> {
    bridge.process.signal("SIGSTOP");
    try {
      await meanwhile();
      await pass(ms);
    } finally {
      bridge.process.signal("SIGCONT");
    }
  }

  /** A scheduler whose connection is frozen with a ping on its way, and what lets it go on. */
  async function pinged(bridge: Bridge) {
    const proxy = cleanup.use(await TcpProxy.start(Number(bridge.address.split(":")[1])));
    const scheduler = cleanup.use(await BridgeScheduler.attach(`127.0.0.1:${proxy.port}`));
    await scheduler.linked();
    const ping = new Promise<void>((resolve) => {
      proxy.watch((direction, bytes) => {
        if (direction === "down" && bytes.includes(PING)) {
          proxy.freeze(true);
          resolve();
        }
        return "pass";
      });
    });
    await within(ping, { what: "a ping" });
    const goOn = () => {
      proxy.watch(() => "pass");
      proxy.freeze(false);
    };
    return { scheduler, goOn };
  }

  test.each([
    ["whose answer to a ping waits in the socket", "before it"],
    ["that stood still with it", "after it"],
  ] as const)("keeps a client %s", { timeout: 30_000 }, async (_, order) => {
    const bridge = await start("--client-timeout", "3s");
    const { scheduler, goOn } = await pinged(bridge);
    await stopped(bridge, 2_500, async () => {
      // The client answers now, and the answer is on its way.
      await pass(100);
      if (order === "before it") goOn();
    });
    if (order === "after it") {
      await pass(200);
      goOn();
    }
    // Longer than it would take to find the client silent.
    await pass(1_500);
    await scheduler.ok("suppressOffers");
    expect(await Promise.race([scheduler.stream.ended, pass(0)])).toBeUndefined();
    expect(bridge.log().match(/"attached"/g)).toHaveLength(1);
  });

  const tornDown: PartialSubscribe = {
    lease: { seconds: 1n, nanos: 500_000_000 },
    expiryPolicy: ExpiryPolicy.EXPIRY_POLICY_TEARDOWN,
  };

  test.each([
    ["for long after its lease", 4_000],
    ["until just before the end of its lease", 1_100],
  ])("%s keeps the framework and the offers of a client that came back", { timeout: 30_000 }, async (_, ms) => {
    const bridge = await start("--offer-hold", "1s");
    const first = cleanup.use(await BridgeScheduler.attach(bridge.address, tornDown));
    const subscription = await master.subscriptions.next();
    const offer = {
      id: { value: "open" },
      frameworkId: { value: first.frameworkId },
      agentId: { value: "agent" },
      hostname: "host",
    };
    subscription.send({ type: Event_Type.OFFERS, offers: { offers: [offer] } });
    await first.offers();
    first.stop();
    const observer = cleanup.use(new BridgeClient(bridge.address));
    await eventually(async () => {
      const { response } = await observer.call("listFrameworks", {});
      return response?.frameworks[0]?.attached === false;
    });
    let second: BridgeScheduler | undefined;
    await stopped(bridge, ms, () => {
      const again = { ...tornDown, frameworkName: first.name, frameworkInfo: undefined };
      second = cleanup.use(BridgeScheduler.start(bridge.address, again));
    });
    const opened = await second?.open();
    expect(opened?.frameworkId?.value).toBe(first.frameworkId);
    expect(ids((await second?.offers()) ?? [])).toMatchObject([offer.id]);
    await second?.ok("reviveOffers");
    // The bridge's own, which ends the filters of the client before, and the client's. None gives an offer back.
    expect(master.calls.all.map((call) => Call_Type[call.call().type ?? 0])).toEqual(["REVIVE", "REVIVE"]);
    expect(bridge.log()).not.toContain("the lease ran out");
  });

  test("reads the rest of a request that waits in the socket before it takes it for late", async () => {
    const bridge = await start("--request-timeout", "1s");
    const [canary, subject] = [
      await HostileClient.connect(bridge.address),
      await HostileClient.connect(bridge.address),
    ];
    for (const client of [canary, subject]) cleanup.use(client);
    const method = "mesosbridge.v1.ObserverService/ListFrameworks";
    canary.begin(method);
    // Late by a second in the same way as the other one, when that is ended.
    await pass(1_000);
    const request = subject.begin(method);
    const status = statusOf(request);
    await within(canary.closed, { what: "the end of the first connection" });
    await stopped(bridge, 1_500, () => request.end(framed(Buffer.alloc(0))));
    expect(await within(status, { what: "the answer" })).toBe("0");
    expect(subject.isClosed).toBe(false);
  });

  test("still finds clients silent, also such that never said anything", async () => {
    const bridge = await start("--client-timeout", "500ms");
    const socket = connect(Number(bridge.address.split(":")[1]), "127.0.0.1");
    cleanup.defer(() => socket.destroy());
    socket.on("error", () => {}).resume();
    await once(socket, "connect");
    await stopped(bridge, 1_200, () => {});
    await socketClosed(socket);
    expect(bridge.log()).toContain("its client was silent for 500 ms");
  });
});
