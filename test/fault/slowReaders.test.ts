import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TaskState } from "../../gen/mesos/v1/mesos.js";
import { Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { type SessionEvent, SubscribeMode } from "../../gen/mesosbridge/v1/scheduler.js";
import { AnsweringMaster, type FakeSubscription } from "../support/answeringMaster.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { BridgeScheduler, mesosField } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { unique } from "../support/messages.js";
import { uuid } from "../support/scheduler.js";

/** Readers that stall while the master floods the bridge: they end, and nobody else notices. */
describe("slow readers", () => {
  const cleanup = new Cleanup();
  let master: AnsweringMaster;
  let bridge: Bridge;
  beforeEach(async () => {
    master = cleanup.use(await AnsweringMaster.start());
    bridge = cleanup.use(await startBridge({ master: master.host }));
  });
  afterEach(() => cleanup.run());

  async function attach(frameworkName = unique("flooded")): Promise<BridgeScheduler> {
    const info = { user: "root" };
    return cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName, frameworkInfo: info }));
  }

  /** Messages of an executor, `bytes` each, numbered. */
  async function flood(to: FakeSubscription, count: number, bytes: number, first = 0): Promise<void> {
    const { send, connection } = to;
    const data = Buffer.alloc(bytes);
    for (let i = first; i < first + count; i++) {
      data.writeUInt32BE(i);
      send({ type: Event_Type.MESSAGE, message: { agentId: { value: "a" }, executorId: { value: "e" }, data } });
      const { socket } = connection;
      if (socket.writableLength > 1024 * 1024) await new Promise<void>((resolve) => socket.once("drain", resolve));
    }
  }

  const numberOf = (event: SessionEvent) => mesosField(event, "message")?.data?.readUInt32BE();

  const update = (taskId: string) => ({
    type: Event_Type.UPDATE,
    update: {
      status: { taskId: { value: taskId }, agentId: { value: "a" }, state: TaskState.TASK_RUNNING, uuid: uuid() },
    },
  });

  test("a client that stalls makes room for one that stands by, although it never reads why", async () => {
    const scheduler = await attach();
    const subscription = await master.subscriptions.next();
    await scheduler.linked();
    const { name: frameworkName } = scheduler;
    const mode = SubscribeMode.SUBSCRIBE_MODE_STANDBY;
    const request = { frameworkName, frameworkInfo: undefined, mode };
    const standby = cleanup.use(await BridgeScheduler.attach(bridge.address, request));
    scheduler.stream.pause();
    await flood(subscription, 80, 1024 * 1024);
    // Well before --request-timeout, when its connection would end.
    await standby.promoted({ timeoutMs: 20_000 });
    await standby.ok("confirmPromotion");
    expect(await scheduler.call("reviveOffers")).toMatchObject({ reason: "ATTACHMENT_SUPERSEDED" });
  });

  test("a client that stalls ends as SLOW_CONSUMER; its session stays, and what it owes comes again", async () => {
    const scheduler = await attach();
    const subscription = await master.subscriptions.next();
    subscription.send(update("owed"));
    const owed = await scheduler.owedUpdate("owed");
    scheduler.stream.pause();
    await flood(subscription, 80, 1024 * 1024);
    scheduler.stream.resume();
    expect(await scheduler.stream.ending({ timeoutMs: 20_000 })).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "SLOW_CONSUMER",
      retryable: true,
    });
    const second = await attach(scheduler.name);
    expect(second.opened.resumed).toBe(false);
    expect((await second.owedUpdate("owed")).ackToken).toBe(owed.ackToken);
    await second.snapshotEnd();
    await second.ok("acknowledge", { ackTokens: [owed.ackToken] });
    await master.call("ACKNOWLEDGE");
    // The link has never been broken.
    expect(master.subscriptions.waiting).toBe(0);
  });

  test("while one client stalls another gets all of its events", async () => {
    const stalled = await attach();
    const ofStalled = await master.subscriptions.next();
    const reader = await attach();
    const ofReader = await master.subscriptions.next();
    stalled.stream.pause();
    await Promise.all([flood(ofStalled, 30, 1024 * 1024), flood(ofReader, 200, 1024)]);
    const last = await reader.mesosEvent("message", ({ data }) => data?.readUInt32BE() === 199);
    const messages = reader.stream.received.filter((event) => mesosField(event, "message"));
    expect(messages.map(numberOf)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(last.sequence).toBe(reader.stream.received.at(-1)?.sequence);
  });

  test("an observer that stalls ends as SLOW_CONSUMER; client and other observers get everything", async () => {
    const scheduler = await attach();
    const subscription = await master.subscriptions.next();
    const clients = [new BridgeClient(bridge.address), new BridgeClient(bridge.address)];
    for (const client of clients) cleanup.use(client);
    const [stalled, reader] = clients.map((client) => client.stream("watchEvents", { types: ["MESSAGE"] }));
    if (!stalled || !reader) throw new Error("no observers");
    await Promise.all([stalled.connected, reader.connected]);
    stalled.pause();
    // As fast as the good one reads.
    for (let i = 0; i < 40; i += 4) {
      await flood(subscription, 4, 512 * 1024, i);
      await reader.next(({ event }) => event !== undefined && numberOf(event) === i + 3);
    }
    await scheduler.mesosEvent("message", ({ data }) => data?.readUInt32BE() === 39, { timeoutMs: 20_000 });
    expect(reader.received).toHaveLength(40);
    stalled.resume();
    expect(await stalled.ending({ timeoutMs: 20_000 })).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "SLOW_CONSUMER",
      retryable: true,
    });
    expect(scheduler.stream.received.filter((event) => mesosField(event, "message"))).toHaveLength(40);
  });

  test("an observer that reads on gets a long history to its end", async () => {
    const scheduler = await attach();
    const subscription = await master.subscriptions.next();
    await flood(subscription, 120, 256 * 1024);
    await scheduler.mesosEvent("message", ({ data }) => data?.readUInt32BE() === 119, { timeoutMs: 20_000 });
    const client = cleanup.use(new BridgeClient(bridge.address));
    const watched = client.stream("watchEvents", { frameworkName: scheduler.name, afterSequence: 1n });
    await watched.next(({ event }) => event !== undefined && numberOf(event) === 119, {
      timeoutMs: 20_000,
    });
    subscription.send({ type: Event_Type.MESSAGE, message: { data: Buffer.from("live") } });
    await watched.next(({ event }) => event !== undefined && mesosField(event, "message")?.data?.toString() === "live");
    const sequences = watched.received.map(({ event }) => event?.sequence);
    expect(sequences).toEqual(sequences.map((_, i) => BigInt(i + 2)));
  });

  test("an observer that reads on gets the open offers of a large cluster", async () => {
    const scheduler = await attach();
    const subscription = await master.subscriptions.next();
    const frameworkId = { value: scheduler.frameworkId };
    const attributes = [{ name: "filler", type: 3, text: { value: "x".repeat(2_000) } }];
    const offers = Array.from({ length: 8_000 }, (_, i) => ({
      id: { value: `o${i}` },
      agentId: { value: `a${i}` },
      frameworkId,
      hostname: `host-${i}`,
      attributes,
    }));
    subscription.send({ type: Event_Type.OFFERS, offers: { offers } });
    const seen = new Set<string>();
    while (seen.size < offers.length) {
      for (const { id } of await scheduler.offers({ timeoutMs: 20_000 })) seen.add(id?.value ?? "");
    }
    const client = cleanup.use(new BridgeClient(bridge.address));
    const watched = client.wholeStream("watchOffers", { frameworkName: scheduler.name });
    await watched.next(({ progress }) => progress?.snapshotEnd === true, { timeoutMs: 60_000 });
    const shown = new Set(watched.received.flatMap((response) => response.offers.map(({ id }) => id?.value)));
    expect(shown).toEqual(seen);
  });
});
