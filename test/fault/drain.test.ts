import { type Client, credentials, makeGenericClientConstructor } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Call_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { AnsweringMaster } from "../support/answeringMaster.js";
import { Arrivals } from "../support/arrivals.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { eventually, within } from "../support/eventually.js";

/** A bridge that is asked to end while calls are under way at a master that answers when the test says so. */
describe("SIGTERM", () => {
  let cleanup: Cleanup;
  let master: AnsweringMaster;
  beforeEach(async () => {
    cleanup = new Cleanup();
    master = cleanup.use(await AnsweringMaster.start());
    master.answerCalls(false);
  });
  afterEach(() => cleanup.run());

  async function start(...flags: string[]): Promise<{ bridge: Bridge; scheduler: BridgeScheduler }> {
    const bridge = cleanup.use(await startBridge({ master: master.host, flags }));
    const scheduler = await cleanup.use(await BridgeScheduler.attach(bridge.address)).linked();
    return { bridge, scheduler };
  }

  async function draining(bridge: Bridge): Promise<void> {
    bridge.process.signal("SIGTERM");
    await bridge.process.logged(/"draining"/);
  }

  async function exited({ process }: Bridge) {
    return within(process.exited, { what: "the end of the bridge" });
  }

  /** Answers the next calls. */
  async function answer(count: number): Promise<void> {
    for (const { connection } of await master.calls.take(count)) connection.answer(202);
  }

  const revive = (scheduler: BridgeScheduler, count: number) =>
    Array.from({ length: count }, () => scheduler.call("reviveOffers"));
  const OK = { code: "OK" };
  const REFUSED = { code: "UNAVAILABLE", reason: "BRIDGE_SHUTTING_DOWN", retryable: true };
  const UNKNOWN = { code: "UNAVAILABLE", reason: "OUTCOME_UNKNOWN", retryable: false };

  test("has all calls answered that the master got, and refuses those that come later", async () => {
    const { bridge, scheduler } = await start();
    const before = revive(scheduler, 150);
    await eventually(() => master.calls.waiting === 150, { what: "the calls" });
    await draining(bridge);
    for (const refused of await Promise.all(revive(scheduler, 150))) {
      expect(refused).toMatchObject(REFUSED);
      expect(refused.message).toMatch(/^nothing was sent/);
    }
    await answer(150);
    for (const answered of await Promise.all(before)) expect(answered).toMatchObject(OK);
    expect(await scheduler.stream.ending()).toMatchObject(REFUSED);
    expect(await exited(bridge)).toEqual({ code: 0, signal: null });
    expect(master.calls.waiting).toBe(0);
  });

  test("in the middle of calls leaves none whose outcome is not known", async () => {
    const { bridge, scheduler } = await start();
    let refused = 0;
    const calls = revive(scheduler, 100);
    await eventually(() => master.calls.all.length > 0, { what: "the first call" });
    calls.push(...revive(scheduler, 100));
    bridge.process.signal("SIGTERM");
    calls.push(...revive(scheduler, 100));
    const answered = calls.map(async (call) => {
      const answer = await call;
      refused += answer.code === "OK" ? 0 : 1;
      return answer;
    });
    // Each call is with the master, or was refused.
    await eventually(() => master.calls.all.length + refused === 300, { what: "all calls" });
    const took = master.calls.all.length;
    await answer(took);
    const answers = await Promise.all(answered);
    expect(await exited(bridge)).toEqual({ code: 0, signal: null });
    expect(answers.filter(({ code }) => code === "OK")).toHaveLength(took);
    for (const other of answers.filter(({ code }) => code !== "OK")) expect(other).toMatchObject(REFUSED);
  });

  test("has the calls of a stream answered in order, those that come later as not sent", async () => {
    const { bridge, scheduler } = await start();
    const calls = scheduler.client.calls();
    const send = (tag: number) =>
      calls.send({ tag: BigInt(tag), header: scheduler.header, call: { type: Call_Type.REVIVE } });
    for (let tag = 1; tag <= 100; tag++) send(tag);
    await eventually(() => master.calls.waiting === 100, { what: "the calls" });
    await draining(bridge);
    for (let tag = 101; tag <= 150; tag++) send(tag);
    // Answered on the same connection behind those, so they have been read.
    expect(await scheduler.call("suppressOffers")).toMatchObject(REFUSED);
    await answer(100);
    const ending = await calls.results.ending();
    expect(ending).toMatchObject(REFUSED);
    const results = calls.results.received;
    expect(results.map(({ tag }) => Number(tag))).toEqual(Array.from({ length: 150 }, (_, at) => at + 1));
    for (const { tag, reason } of results) expect(reason).toBe(tag <= 100n ? "" : "BRIDGE_SHUTTING_DOWN");
    expect(await exited(bridge)).toEqual({ code: 0, signal: null });
  });

  test("gives up calls that have no answer after --drain-timeout", async () => {
    const { bridge, scheduler } = await start("--drain-timeout", "300ms");
    const calls = revive(scheduler, 10);
    await master.calls.take(10);
    bridge.process.signal("SIGTERM");
    for (const unknown of await Promise.all(calls)) expect(unknown).toMatchObject(UNKNOWN);
    expect(await exited(bridge)).toEqual({ code: 0, signal: null });
    expect(bridge.log()).toContain('"calls":10');
  });

  test("waits for nothing with --drain-timeout 0s", async () => {
    const { bridge, scheduler } = await start("--drain-timeout", "0s");
    const calls = revive(scheduler, 1);
    await master.calls.next();
    bridge.process.signal("SIGTERM");
    for (const unknown of await Promise.all(calls)) expect(unknown).toMatchObject(UNKNOWN);
    expect(await exited(bridge)).toEqual({ code: 0, signal: null });
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("and %s after it end the bridge at once, with status %i", async (signal, code) => {
    const { bridge, scheduler } = await start("--drain-timeout", "10m");
    const call = scheduler.call("reviveOffers");
    await master.calls.next();
    await draining(bridge);
    bridge.process.signal(signal);
    expect(await exited(bridge)).toEqual({ code, signal: null });
    expect(await call).toMatchObject({ code: "UNAVAILABLE" });
    await bridge.restart();
    const { response } = await cleanup.use(new BridgeClient(bridge.address)).call("listFrameworks", {});
    expect(response?.frameworks.map(({ frameworkName }) => frameworkName)).toEqual([scheduler.name]);
  });

  test("lets a Teardown under way come to its end, and the framework is forgotten", async () => {
    const { bridge, scheduler } = await start();
    const teardown = scheduler.call("teardown");
    const { connection } = await master.call("TEARDOWN");
    const subscription = await master.subscriptions.next();
    await draining(bridge);
    // As Mesos does: the subscription ends before the answer can be read, and the next one tells.
    master.refuseSubscriptions("Framework has been removed");
    connection.reset();
    subscription.connection.endStream();
    expect(await teardown).toMatchObject(OK);
    expect(await exited(bridge)).toEqual({ code: 0, signal: null });
    await bridge.restart();
    const { response } = await cleanup.use(new BridgeClient(bridge.address)).call("listFrameworks", {});
    expect(response?.frameworks).toEqual([]);
  });

  test("lets no client attach, no connection stand in for another, and says NOT_SERVING", async () => {
    const { bridge, scheduler } = await start();
    const health = watchHealth(bridge.address);
    cleanup.defer(() => health.stop());
    while ((await health.statuses.next()) !== "SERVING");
    const call = scheduler.call("reviveOffers");
    const [taken] = await master.calls.take(1);
    await draining(bridge);
    expect(await health.statuses.next()).toBe("NOT_SERVING");
    const again = scheduler.client.subscribe({ frameworkName: "another", frameworkInfo: { user: "root", name: "n" } });
    expect(await again.ending()).toMatchObject(REFUSED);
    expect(await scheduler.call("closeSession")).toMatchObject(REFUSED);
    const stranger = cleanup.use(BridgeScheduler.start(bridge.address));
    expect(await stranger.stream.ending()).toMatchObject({ code: "UNAVAILABLE", reason: "" });
    // Lists are still there for those who look after it.
    expect((await scheduler.client.call("listFrameworks", {})).response?.frameworks).toHaveLength(1);
    taken?.connection.answer(202);
    expect(await call).toMatchObject(OK);
    expect(await exited(bridge)).toEqual({ code: 0, signal: null });
  });

  test("gives a repeated call the answer of the first, and does not call it not sent", async () => {
    const { bridge, scheduler } = await start();
    const header = { ...scheduler.header, requestId: "once" };
    const first = scheduler.client.call("reviveOffers", { header });
    const taken = await master.calls.next();
    await draining(bridge);
    const second = scheduler.client.call("reviveOffers", { header });
    // Answered behind it on the same connection.
    expect(await scheduler.call("suppressOffers")).toMatchObject(REFUSED);
    taken.connection.answer(202);
    expect(await first).toMatchObject(OK);
    expect(await second).toMatchObject(OK);
    expect(await exited(bridge)).toEqual({ code: 0, signal: null });
  });

  test("ends the bridge soon when nothing is under way", async () => {
    const { bridge, scheduler } = await start("--drain-timeout", "10m");
    bridge.process.signal("SIGTERM");
    expect(await scheduler.stream.ending()).toMatchObject(REFUSED);
    expect(await exited(bridge)).toEqual({ code: 0, signal: null });
  });
});

/** Watches the health of all of a bridge, on one connection. */
function watchHealth(address: string): { statuses: Arrivals<string>; stop(): void } {
  const HealthClient = makeGenericClientConstructor(healthService, "grpc.health.v1.Health");
  const options = { "grpc.use_local_subchannel_pool": 1, "grpc.enable_http_proxy": 0 };
  const client = new HealthClient(address, credentials.createInsecure(), options);
  const statuses = new Arrivals<string>();
  const watch = (client as Client & Record<string, (request: object) => NodeJS.EventEmitter>).watch;
  watch
    ?.call(client, { service: "" })
    .on("data", ({ status }: { status: string }) => statuses.push(status))
    .on("error", () => {});
  return { statuses, stop: () => client.close() };
}
