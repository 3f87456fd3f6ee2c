import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Call_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { ExpiryPolicy, LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { AnsweringMaster } from "../support/answeringMaster.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { unique } from "../support/messages.js";

/** The two connections of a framework end one after the other, in an order that nobody promises. */
describe("a subscription that ends before the answer to a call is there", () => {
  const cleanup = new Cleanup();
  let master: AnsweringMaster;
  let bridge: Bridge;
  beforeEach(async () => {
    master = cleanup.use(await AnsweringMaster.start());
    master.answerCalls(false);
    bridge = cleanup.use(await startBridge({ master: master.host }));
  });
  afterEach(() => cleanup.run());

  const frameworkInfo = { user: "root" };

  async function attach(frameworkName = unique("ending")): Promise<BridgeScheduler> {
    const scheduler = await BridgeScheduler.attach(bridge.address, { frameworkName, frameworkInfo });
    return cleanup.use(scheduler).linked();
  }

  /** Lines of the log that want somebody's attention. */
  function warnings(): string[] {
    return bridge
      .log()
      .split("\n")
      .filter((line) => /"level":"(warn|error|fatal)"/.test(line));
  }

  test("TEARDOWN whose answer is lost: the master says at the next subscription that it took it", async () => {
    const scheduler = await attach();
    const { connection } = await master.subscriptions.next();
    const teardown = scheduler.call("teardown");
    const request = await master.call("TEARDOWN");
    master.refuseSubscriptions("Framework has been removed");
    connection.endStream();
    request.connection.reset();
    expect(await teardown).toMatchObject({ code: "OK" });
    expect(await scheduler.stream.ending()).toMatchObject({ code: "OK" });
    expect(warnings()).toEqual([]);
    master.refuseSubscriptions(undefined);
    const next = await attach(scheduler.name);
    expect(next.frameworkId).not.toBe(scheduler.frameworkId);
  });

  test("TEARDOWN after which the subscription is refused for another reason: that is worth a warning", async () => {
    const scheduler = await attach();
    const { connection } = await master.subscriptions.next();
    const teardown = scheduler.call("teardown");
    const request = await master.call("TEARDOWN");
    master.refuseSubscriptions("Framework is on holiday");
    connection.endStream();
    request.connection.reset();
    expect(await teardown).toMatchObject({ reason: "OUTCOME_UNKNOWN" });
    expect(warnings()).toEqual([expect.stringContaining("Framework is on holiday")]);
  });

  test("TEARDOWN that the master never got is sent again", async () => {
    const scheduler = await attach();
    const { connection } = await master.subscriptions.next();
    const teardown = scheduler.call("teardown");
    const request = await master.call("TEARDOWN");
    master.answerCalls(true);
    connection.reset();
    request.connection.reset();
    await master.call("TEARDOWN");
    expect(await teardown).toMatchObject({ code: "OK" });
    expect(await scheduler.stream.ending()).toMatchObject({ code: "OK" });
  });

  test("TEARDOWN of a session that ends before Mesos has said: the outcome is unknown", async () => {
    const scheduler = await attach();
    const { connection } = await master.subscriptions.next();
    const teardown = scheduler.call("teardown", { header: { requestId: "once" } });
    const request = await master.call("TEARDOWN");
    master.refuseSubscriptions("Framework failed over");
    connection.reset();
    request.connection.reset();
    expect(await scheduler.stream.ending()).toMatchObject({ reason: "FRAMEWORK_FAILED_OVER" });
    expect(await teardown).toMatchObject({ code: "UNAVAILABLE", reason: "OUTCOME_UNKNOWN" });
  });

  describe("by the end of a lease", () => {
    const request = (frameworkName: string) => ({
      frameworkName,
      frameworkInfo,
      lease: { seconds: 0n, nanos: 50_000_000 },
      expiryPolicy: ExpiryPolicy.EXPIRY_POLICY_TEARDOWN,
    });

    /** A framework whose lease is over, with the TEARDOWN that has no answer yet, and the client that is back. */
    async function backTooLate() {
      const frameworkName = unique("lease");
      const first = await BridgeScheduler.attach(bridge.address, request(frameworkName));
      await first.linked();
      const subscription = await master.subscriptions.next();
      first.stop();
      const teardown = await master.call("TEARDOWN");
      const back = cleanup.use(await BridgeScheduler.attach(bridge.address, request(frameworkName)));
      expect(back.frameworkId).toBe(first.frameworkId);
      return { subscription, teardown, back };
    }

    test("the client came back too late: it is told, and the next attach is another framework", async () => {
      const { teardown, back } = await backTooLate();
      // Answers come in the order of the calls.
      for (const each of master.calls.all) {
        each.connection.answer(202);
        if (each === teardown) break;
      }
      expect(await back.stream.ending()).toMatchObject({ code: "ABORTED", reason: "LEASE_EXPIRED", retryable: true });
      const next = cleanup.use(await BridgeScheduler.attach(bridge.address, request(back.name)));
      expect(next.frameworkId).not.toBe(back.frameworkId);
    });

    test("the master never got it: the client that came back keeps its framework", async () => {
      const { subscription, teardown, back } = await backTooLate();
      master.answerCalls(true);
      subscription.connection.reset();
      teardown.connection.reset();
      await back.linkChanged(LinkState.LINK_STATE_CONNECTING);
      await back.linkChanged(LinkState.LINK_STATE_CONNECTED);
      await back.ok("suppressOffers");
      await master.call("SUPPRESS");
      const types = master.calls.all.map((call) => Call_Type[call.call().type ?? 0]);
      expect(types.filter((type) => type === "TEARDOWN")).toHaveLength(1);
    });

    test("the master got it, and the answer was lost: the client that came back is told", async () => {
      const { subscription, teardown, back } = await backTooLate();
      master.refuseSubscriptions("Framework has been removed");
      subscription.connection.reset();
      teardown.connection.reset();
      expect(await back.stream.ending()).toMatchObject({ code: "ABORTED", reason: "LEASE_EXPIRED", retryable: true });
      expect(warnings()).toEqual([]);
      master.refuseSubscriptions(undefined);
      const next = cleanup.use(await BridgeScheduler.attach(bridge.address, request(back.name)));
      expect(next.frameworkId).not.toBe(back.frameworkId);
    });
  });

  test("any other call has an unknown outcome, and a new one is not sent", async () => {
    const scheduler = await attach();
    const { connection } = await master.subscriptions.next();
    const revive = scheduler.call("reviveOffers");
    await master.call("REVIVE");
    master.ignoreSubscriptions();
    connection.endStream();
    expect(await revive).toMatchObject({ code: "UNAVAILABLE", reason: "OUTCOME_UNKNOWN", retryable: false });
    expect(await scheduler.call("suppressOffers")).toMatchObject({
      code: "UNAVAILABLE",
      reason: "NO_MASTER",
      retryable: true,
    });
  });
});

describe("a framework that has been torn down", () => {
  const cleanup = new Cleanup();
  let master: AnsweringMaster;
  let bridge: Bridge;
  beforeEach(async () => {
    master = cleanup.use(await AnsweringMaster.start());
    bridge = cleanup.use(await startBridge({ master: master.host }));
  });
  afterEach(() => cleanup.run());

  const attach = async (frameworkName: string) => {
    const request = { frameworkName, frameworkInfo: { user: "root" } };
    return (await BridgeScheduler.attach(bridge.address, request)).linked();
  };

  test("is in no list from the moment that its client is told", async () => {
    const observer = cleanup.use(new BridgeClient(bridge.address));
    for (let i = 0; i < 30; i++) {
      const scheduler = await attach(unique("listed"));
      await scheduler.ok("teardown");
      const { response } = await observer.call("listFrameworks", {});
      expect(response?.frameworks).toEqual([]);
      scheduler.stop();
    }
  });

  test("is forgotten for good by then: a crash does not bring it back", async () => {
    for (let i = 0; i < 4; i++) {
      const scheduler = await attach(unique("crash"));
      // The answer's bytes may be all that the bridge still does.
      await scheduler.ok("teardown");
      await bridge.kill();
      scheduler.stop();
      await bridge.restart();
      const observer = new BridgeClient(bridge.address);
      expect((await observer.call("listFrameworks", {})).response?.frameworks).toEqual([]);
      observer.stop();
    }
  });
});
