import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { Call, Call_Type, Event, Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { CallHeader, SubscribeResponse } from "../../../gen/mesosbridge/v1/scheduler.js";
import { lengthDelimited, messageField, stringField, varintField } from "../../../wire/proto.js";
import { AnsweringMaster } from "../../support/answeringMaster.js";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeClient } from "../../support/bridgeClient.js";
import { BridgeScheduler } from "../../support/bridgeScheduler.js";
import { Cleanup } from "../../support/cleanup.js";
import { unique } from "../../support/messages.js";
import { uuid } from "../../support/scheduler.js";

/** Fields of messages that this version of the bridge does not know. */
const unknown = Buffer.concat([varintField(14_001, 7), stringField(14_002, "from a newer Mesos")]);

/** What the bridge does not know passes through it as it came. */
describe("fields that the bridge does not know", () => {
  const cleanup = new Cleanup();
  let master: AnsweringMaster;
  let bridge: Bridge;
  beforeEach(async () => {
    master = cleanup.use(await AnsweringMaster.start());
    bridge = cleanup.use(await startBridge({ master: master.host }));
  });
  afterEach(() => cleanup.run());

  const frameworkInfo = { user: "root" };
  const event = (partial: Parameters<typeof Event.fromPartial>[0]) =>
    Buffer.from(Event.encode(Event.fromPartial(partial)).finish());

  test("in events of Mesos, byte for byte", async () => {
    const client = cleanup.use(new BridgeClient(bridge.address));
    const stream = client.subscribeRaw({ frameworkName: unique("raw"), frameworkInfo });
    cleanup.defer(() => stream.cancel());
    const subscription = await master.subscriptions.next();
    const offer = { id: { value: "o1" }, agentId: { value: "a" }, frameworkId: { value: "f" }, hostname: "h" };
    const status = { taskId: { value: "t" }, agentId: { value: "a" }, state: TaskState.TASK_RUNNING, uuid: uuid() };
    const events = [
      Buffer.concat([event({ type: Event_Type.OFFERS, offers: { offers: [offer] } }), unknown]),
      // Inside of the payload as well: the last piece of a field in pieces.
      Buffer.concat([event({ type: Event_Type.UPDATE, update: { status } }), lengthDelimited(5, unknown), unknown]),
      Buffer.concat([event({ type: Event_Type.MESSAGE, message: { data: Buffer.from([0, 255]) } }), unknown]),
      // A type that is still to be invented, and one that is no number yet.
      Buffer.concat([varintField(1, 99), unknown]),
      unknown,
    ];
    subscription.sendBytes(...events);
    const relayed = new Set<string>();
    const isThere = (response: Buffer) => {
      for (const bytes of events) if (response.includes(bytes)) relayed.add(bytes.toString("hex"));
      return relayed.size === events.length;
    };
    await stream.next(isThere, { what: "all of the events" });
    const types = stream.received
      .flatMap((response) => SubscribeResponse.decode(response).events)
      .flatMap((each) => (each.event?.$case === "mesos" ? [each.event.value.type] : []));
    expect(types.slice(0, 4)).toEqual([
      Event_Type.SUBSCRIBED,
      Event_Type.OFFERS,
      Event_Type.UPDATE,
      Event_Type.MESSAGE,
    ]);
  });

  test("in offers of an event that is cut into pieces", async () => {
    const client = cleanup.use(new BridgeClient(bridge.address));
    const stream = client.subscribeRaw({ frameworkName: unique("raw"), frameworkInfo });
    cleanup.defer(() => stream.cancel());
    const subscription = await master.subscriptions.next();
    const ids = Array.from({ length: 30 }, (_, i) => `offer-${i}`);
    const offers = ids.map((id) =>
      Buffer.concat([lengthDelimited(1, stringField(1, id)), stringField(4, "x".repeat(100_000)), unknown]),
    );
    subscription.sendBytes(
      Buffer.concat([
        varintField(1, Event_Type.OFFERS),
        messageField(
          3,
          offers.map((each) => lengthDelimited(1, each)),
        ),
      ]),
    );
    const found = new Set<number>();
    await stream.next(
      (response) => {
        for (const [i, bytes] of offers.entries()) if (response.includes(bytes)) found.add(i);
        return found.size === offers.length;
      },
      { what: "all offers" },
    );
    expect(Math.max(...stream.received.map(({ length }) => length))).toBeLessThan(2 * 1024 * 1024);
    const events = stream.received.flatMap((response) => SubscribeResponse.decode(response).events);
    const pieces = events.filter((each) => each.event?.$case === "mesos" && each.event.value.offers);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.map(({ fragment }) => fragment)).toEqual(pieces.map((_, i) => i < pieces.length - 1));
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, i) => BigInt(Math.max(0, i - 1))));
  });

  test("in calls, byte for byte", async () => {
    const info = { frameworkInfo };
    const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address, info));
    await master.subscriptions.next();
    await scheduler.linked();
    const suppress = Buffer.from(Call.encode(Call.fromPartial({ type: Call_Type.SUPPRESS })).finish());
    const call = Buffer.concat([suppress, unknown]);
    const header = CallHeader.encode(CallHeader.fromPartial(scheduler.header)).finish();
    const request = Buffer.concat([lengthDelimited(1, header), lengthDelimited(2, call)]);
    expect(await scheduler.client.callRaw("call", request)).toMatchObject({ code: "OK" });
    const { body } = await master.call("SUPPRESS");
    expect(body.includes(call)).toBe(true);
    expect(Call.decode(body).frameworkId?.value).toBe(scheduler.frameworkId);
  });

  test("in the framework and in tasks, byte for byte", async () => {
    const frameworkName = unique("raw");
    const frameworkBytes = Buffer.concat([stringField(1, "root"), stringField(2, "named"), unknown]);
    const client = cleanup.use(new BridgeClient(bridge.address));
    // The bridge keeps the framework's bytes: the client that comes by name alone subscribes with them.
    const subscribe = Buffer.concat([stringField(1, frameworkName), lengthDelimited(2, frameworkBytes)]);
    const stream = client.subscribeBytes(subscribe);
    cleanup.defer(() => stream.cancel());
    const opened = await stream.next(({ event: each }) => each?.$case === "opened");
    const { connection } = await master.subscriptions.next();
    expect(connection.requests.all[0]?.body.includes(frameworkBytes)).toBe(true);
    const attachmentId = opened.event?.$case === "opened" ? opened.event.value.attachmentId : "";
    const offer = { id: { value: "o1" }, agentId: { value: "a" }, frameworkId: { value: "f" }, hostname: "h" };
    connection.send({ type: Event_Type.OFFERS, offers: { offers: [offer] } });
    await stream.next(({ event: each }) => each?.$case === "mesos" && each.value.offers !== undefined);
    const header = CallHeader.encode(CallHeader.fromPartial({ frameworkName, attachmentId })).finish();
    const task = Buffer.concat([
      stringField(1, "name"),
      lengthDelimited(2, stringField(1, "task-1")),
      lengthDelimited(3, stringField(1, "a")),
      messageField(4, [
        stringField(1, "cpus"),
        varintField(2, 0),
        lengthDelimited(3, Buffer.from("09000000000000f03f", "hex")),
      ]),
      lengthDelimited(7, stringField(3, "exit 0")),
      unknown,
    ]);
    const request = Buffer.concat([
      lengthDelimited(1, header),
      lengthDelimited(2, stringField(1, "o1")),
      lengthDelimited(3, task),
    ]);
    expect(await client.callRaw("launchTasks", request)).toMatchObject({ code: "OK" });
    expect((await master.call("ACCEPT")).body.includes(task)).toBe(true);
  });
});
