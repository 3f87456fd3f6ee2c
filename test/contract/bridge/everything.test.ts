import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Offer_Operation,
  Offer_Operation_Type,
  OperationState,
  Resource_DiskInfo_Source_Type,
  TaskState,
  Value_Type,
} from "../../../gen/mesos/v1/mesos.js";
import { Call, Call_Type, Event, Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { AnsweringMaster, type FakeSubscription } from "../../support/answeringMaster.js";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeScheduler } from "../../support/bridgeScheduler.js";
import { Cleanup } from "../../support/cleanup.js";
import { uuid } from "../../support/scheduler.js";

type PartialCall = Parameters<typeof Call.fromPartial>[0];
type PartialEvent = Parameters<typeof Event.fromPartial>[0];

const resource = { name: "disk", type: Value_Type.SCALAR, scalar: { value: 1 } };
const agentId = { value: "agent" };
const executorId = { value: "executor" };
const offer = (id: string) => ({ id: { value: id }, agentId, frameworkId: { value: "f" }, hostname: "h" });

/** What neither cluster can play in full: every call, operation and event of the release, as it arrives at the other side. */
describe("everything that the scheduler API has", () => {
  const cleanup = new Cleanup();
  let master: AnsweringMaster;
  let bridge: Bridge;
  let scheduler: BridgeScheduler;
  let subscription: FakeSubscription;
  beforeEach(async () => {
    master = cleanup.use(await AnsweringMaster.start());
    bridge = cleanup.use(await startBridge({ master: master.host }));
    scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address));
    await scheduler.linked();
    subscription = await master.subscriptions.next();
  });
  afterEach(() => cleanup.run());

  /** Opens an offer, as calls that use one need it. */
  async function open(id: string): Promise<void> {
    subscription.send({ type: Event_Type.OFFERS, offers: { offers: [offer(id)] } });
    await scheduler.mesos("offers", ({ offers }) => offers.some((each) => each.id?.value === id));
  }

  async function openInverse(id: string): Promise<void> {
    const inverse = { id: { value: id }, frameworkId: { value: "f" }, unavailability: { start: { nanoseconds: 1n } } };
    subscription.send({ type: Event_Type.INVERSE_OFFERS, inverseOffers: { inverseOffers: [inverse] } });
    await scheduler.mesos("inverseOffers", ({ inverseOffers }) => inverseOffers.some((each) => each.id?.value === id));
  }

  test("all offer operations, in their order", async () => {
    await open("o1");
    const task = {
      name: "task",
      taskId: { value: "task" },
      agentId,
      resources: [resource],
      command: { value: "exit 0", uris: [], arguments: [] },
    };
    const executor = {
      executorId,
      frameworkId: { value: scheduler.frameworkId },
      type: 1,
      resources: [resource],
    };
    const grouped = { ...task, taskId: { value: "grouped" } };
    const source = { ...resource, disk: { source: { type: Resource_DiskInfo_Source_Type.RAW } } };
    const operations: Array<Parameters<typeof Offer_Operation.fromPartial>[0]> = [
      { type: Offer_Operation_Type.LAUNCH, launch: { taskInfos: [task] } },
      { type: Offer_Operation_Type.LAUNCH_GROUP, launchGroup: { executor, taskGroup: { tasks: [grouped] } } },
      { type: Offer_Operation_Type.RESERVE, id: { value: "r" }, reserve: { source: [], resources: [resource] } },
      { type: Offer_Operation_Type.UNRESERVE, unreserve: { resources: [resource] } },
      { type: Offer_Operation_Type.CREATE, create: { volumes: [resource] } },
      { type: Offer_Operation_Type.DESTROY, destroy: { volumes: [resource] } },
      { type: Offer_Operation_Type.GROW_VOLUME, growVolume: { volume: resource, addition: resource } },
      { type: Offer_Operation_Type.SHRINK_VOLUME, shrinkVolume: { volume: resource, subtract: { value: 1 } } },
      {
        type: Offer_Operation_Type.CREATE_DISK,
        createDisk: { source, targetType: Resource_DiskInfo_Source_Type.MOUNT, targetProfile: "fast" },
      },
      { type: Offer_Operation_Type.DESTROY_DISK, destroyDisk: { source } },
    ];
    const sent = Call.fromPartial({ accept: { offerIds: [{ value: "o1" }], operations } });
    await scheduler.ok("acceptOffers", { offerIds: [{ value: "o1" }], operations });
    const arrived = (await master.call("ACCEPT")).call();
    expect(arrived.accept).toEqual(Call.decode(Call.encode(sent).finish()).accept);
    expect(arrived.accept?.operations.map(({ type }) => type)).toEqual(operations.map(({ type }) => type));
  });

  test("all calls through Calls, in their order and with what they hold", async () => {
    await open("o1");
    await open("o2");
    await openInverse("i1");
    await openInverse("i2");
    const calls: PartialCall[] = [
      {
        type: Call_Type.ACCEPT,
        accept: { offerIds: [{ value: "o1" }], operations: [], filters: { refuseSeconds: 1 } },
      },
      { type: Call_Type.DECLINE, decline: { offerIds: [{ value: "o2" }] } },
      { type: Call_Type.ACCEPT_INVERSE_OFFERS, acceptInverseOffers: { inverseOfferIds: [{ value: "i1" }] } },
      { type: Call_Type.DECLINE_INVERSE_OFFERS, declineInverseOffers: { inverseOfferIds: [{ value: "i2" }] } },
      { type: Call_Type.SUPPRESS, suppress: { roles: [] } },
      { type: Call_Type.REVIVE, revive: { roles: [] } },
      {
        type: Call_Type.KILL,
        kill: { taskId: { value: "t" }, agentId, killPolicy: { gracePeriod: { nanoseconds: 5n } } },
      },
      { type: Call_Type.SHUTDOWN, shutdown: { executorId, agentId } },
      { type: Call_Type.ACKNOWLEDGE, acknowledge: { agentId, taskId: { value: "t" }, uuid: uuid() } },
      {
        type: Call_Type.ACKNOWLEDGE_OPERATION_STATUS,
        acknowledgeOperationStatus: { agentId, operationId: { value: "op" }, uuid: uuid() },
      },
      { type: Call_Type.RECONCILE, reconcile: { tasks: [{ taskId: { value: "t" }, agentId }] } },
      { type: Call_Type.RECONCILE_OPERATIONS, reconcileOperations: { operations: [{ operationId: { value: "op" } }] } },
      { type: Call_Type.MESSAGE, message: { agentId, executorId, data: Buffer.from([0, 1, 255]) } },
      { type: Call_Type.REQUEST, request: { requests: [{ agentId, resources: [] }] } },
      {
        type: Call_Type.UPDATE_FRAMEWORK,
        updateFramework: { frameworkInfo: { user: "root", name: "n", id: { value: scheduler.frameworkId } } },
      },
      { type: Call_Type.TEARDOWN },
    ];
    const stream = scheduler.client.calls();
    for (const [tag, call] of calls.entries()) stream.send({ header: scheduler.header, call, tag: BigInt(tag) });
    for (const call of calls) {
      const arrived = await master.calls.next();
      const expected = Call.fromPartial({ ...call, frameworkId: { value: scheduler.frameworkId } });
      expect(arrived.call()).toEqual(Call.decode(Call.encode(expected).finish()));
    }
    for (const tag of calls.keys()) {
      expect(await stream.results.nextAny()).toMatchObject({ tag: BigInt(tag), code: 0 });
    }
    // All types but SUBSCRIBE, which is a method of its own, and UNKNOWN.
    expect(new Set(calls.map(({ type }) => type)).size).toBe(16);
    stream.end();
  });

  test("all events", async () => {
    const status = { taskId: { value: "t" }, agentId, state: TaskState.TASK_RUNNING, uuid: uuid() };
    const operation = {
      operationId: { value: "op" },
      state: OperationState.OPERATION_FINISHED,
      uuid: { value: uuid() },
      agentId,
    };
    const inverse = {
      id: { value: "i1" },
      frameworkId: { value: "f" },
      unavailability: { start: { nanoseconds: 1n } },
    };
    const events: PartialEvent[] = [
      { type: Event_Type.OFFERS, offers: { offers: [offer("o1")] } },
      { type: Event_Type.INVERSE_OFFERS, inverseOffers: { inverseOffers: [inverse] } },
      { type: Event_Type.UPDATE, update: { status } },
      { type: Event_Type.UPDATE_OPERATION_STATUS, updateOperationStatus: { status: operation } },
      { type: Event_Type.MESSAGE, message: { agentId, executorId, data: Buffer.from([0, 1, 255]) } },
      { type: Event_Type.FAILURE, failure: { agentId, executorId, status: 768 } },
    ];
    const take = async (event: PartialEvent) => {
      const expected = Event.decode(Event.encode(Event.fromPartial(event)).finish());
      const got = await scheduler.stream.next(
        ({ event: each }) => each?.$case === "mesos" && each.value.type === expected.type,
        { what: String(expected.type) },
      );
      expect(got.event).toEqual({ $case: "mesos", value: expected });
      expect(got.ackToken !== "").toBe(expected.update !== undefined || expected.updateOperationStatus !== undefined);
    };
    expect((await scheduler.mesos("subscribed")).frameworkId?.value).toBe(scheduler.frameworkId);
    // A HEARTBEAT among them is a sign of life of the link's own, and comes to nobody.
    subscription.send({ type: Event_Type.HEARTBEAT }, ...events);
    for (const event of events) await take(event);
    const rescinds: PartialEvent[] = [
      { type: Event_Type.RESCIND, rescind: { offerId: { value: "o1" } } },
      { type: Event_Type.RESCIND_INVERSE_OFFER, rescindInverseOffer: { inverseOfferId: { value: "i1" } } },
    ];
    subscription.send(...rescinds);
    for (const event of rescinds) await take(event);
    const types = scheduler.stream.received.map(({ event }) => event?.$case === "mesos" && event.value.type);
    expect(types).not.toContain(Event_Type.HEARTBEAT);
    subscription.send({ type: Event_Type.ERROR, error: { message: "Framework failed over" } });
    expect(await scheduler.stream.ending()).toMatchObject({ reason: "FRAMEWORK_FAILED_OVER" });
  });

  test.each([10_000, 50_000])(
    "one OFFERS event of %i offers comes in pieces that every stub language takes",
    async (count) => {
      const filler = "x".repeat(300);
      const offers = Array.from({ length: count }, (_, i) => ({ ...offer(`o-${i}`), hostname: filler }));
      subscription.send({ type: Event_Type.OFFERS, offers: { offers } });
      const seen = new Set<string>();
      let last = false;
      while (!last) {
        const event = await scheduler.mesosEvent("offers", () => true, { timeoutMs: 20_000 });
        if (event.event?.$case !== "mesos") throw new Error("not an event of Mesos");
        expect(Event.encode(event.event.value).finish().length).toBeLessThan(1.1 * 1024 * 1024);
        for (const each of event.event.value.offers?.offers ?? []) seen.add(each.id?.value ?? "");
        last = !event.fragment;
      }
      expect(seen.size).toBe(count);
    },
  );
});
