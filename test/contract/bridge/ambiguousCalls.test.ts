import { afterEach, beforeEach, expect, test } from "vitest";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { CallHeader } from "../../../gen/mesosbridge/v1/scheduler.js";
import { lengthDelimited, messageField, stringField, varintField } from "../../../wire/proto.js";
import { AnsweringMaster } from "../../support/answeringMaster.js";
import { startBridge } from "../../support/bridge.js";
import { BridgeScheduler } from "../../support/bridgeScheduler.js";
import { Cleanup } from "../../support/cleanup.js";
import { HostileClient, statusOf } from "../../support/hostileClient.js";

/** Bytes in which the bridge and Mesos could read two different calls are sent to neither. */

const SERVICE = "mesosbridge.v1.SchedulerService";
const INVALID_ARGUMENT = "3";

const cleanup = new Cleanup();
let master: AnsweringMaster;
let scheduler: BridgeScheduler;
let client: HostileClient;
beforeEach(async () => {
  master = cleanup.use(await AnsweringMaster.start());
  const bridge = cleanup.use(await startBridge({ master: master.host }));
  scheduler = await cleanup.use(await BridgeScheduler.attach(bridge.address)).linked();
  const { frameworkId } = scheduler;
  const offer = { id: { value: "o" }, frameworkId: { value: frameworkId }, agentId: { value: "a" }, hostname: "h" };
  (await master.subscriptions.next()).send({ type: Event_Type.OFFERS, offers: { offers: [offer] } });
  await scheduler.offers();
  client = cleanup.use(await HostileClient.connect(bridge.address));
});
afterEach(() => cleanup.run());

const header = () =>
  lengthDelimited(1, CallHeader.encode(CallHeader.fromPartial({ ...scheduler.header, requestId: "" })).finish());
const offerId = messageField(1, [stringField(1, "o")]);
const accept = messageField(4, [offerId]);
const task = messageField(3, [lengthDelimited(2, stringField(1, "t")), lengthDelimited(3, stringField(1, "a"))]);

test.each<[name: string, method: string, request: () => Uint8Array[]]>([
  [
    "ACCEPT, and then a type that Mesos passes over",
    "Call",
    () => [call(varintField(2, 3), varintField(2, 99), accept)],
  ],
  ["TEARDOWN, and then a type that Mesos passes over", "Call", () => [call(varintField(2, 2), varintField(2, 99))]],
  ["a type that is ACCEPT in its lower 32 bits", "Call", () => [call(Buffer.from("108380808010", "hex"), accept)]],
  ["an accept in two parts", "Call", () => [call(varintField(2, 3), accept, messageField(4, []))]],
  ["a call in two parts", "Call", () => [call(varintField(2, 3)), call(accept)]],
  ["a task with two ids", "LaunchTasks", () => [messageField(2, [stringField(1, "o")]), twoIds()]],
])("%s", async (_, method, request) => {
  const stream = client.call(`${SERVICE}/${method}`, Buffer.concat([header(), ...request()]));
  expect(await statusOf(stream)).toBe(INVALID_ARGUMENT);
  expect((await scheduler.ok("declineOffers", { offerIds: [{ value: "o" }] })).gone).toBe(0);
  await master.call("DECLINE");
  expect(master.calls.all.map((sent) => sent.call().type)).toEqual([4]);
});

function call(...fields: Uint8Array[]): Buffer {
  return messageField(2, fields);
}

function twoIds(): Buffer {
  return Buffer.concat([messageField(3, [task.subarray(2), lengthDelimited(2, stringField(1, "u"))])]);
}
