import { beforeAll, expect, test } from "vitest";
import { Call_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import {
  CallsRequest,
  CallsResponse,
  SubscribeRequest,
  SubscribeResponse,
} from "../../../gen/mesosbridge/v1/scheduler.js";
import { stringField } from "../../../wire/proto.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { PermittedBridge, type PermittedStream } from "../../support/permittedBridge.js";

const SCHEDULER = "/mesosbridge.v1.SchedulerService";
const OBSERVER = "/mesosbridge.v1.ObserverService";
const NOTHING = Buffer.alloc(0);
const RULES = `
[[rule]]
identities = ["unix:*"]
allow = ["attach", "call", "observe", "reflection"]
frameworks = ["*"]
roles = ["*"]
users = ["*"]
`;
const OPENED = { what: "Opened" };

const cleanup = cleanupAfterAll();
let bridge: PermittedBridge;
beforeAll(async () => {
  bridge = await PermittedBridge.start(cleanup, ["a"], RULES, { maxStreamAgeMs: 1_500 });
});

function subscribe(resume?: { attachmentId: string; afterSequence: bigint }): PermittedStream {
  const frameworkInfo = { name: "f", user: "root" };
  const request = SubscribeRequest.fromPartial({ frameworkName: "f", frameworkInfo, ...(resume && { resume }) });
  return bridge.stream("a", `${SCHEDULER}/Subscribe`, SubscribeRequest.encode(request).finish());
}

async function openedOf(stream: PermittedStream) {
  const [first] = SubscribeResponse.decode(await stream.messages.next(OPENED)).events;
  if (first?.event?.$case !== "opened") throw new Error("the first event is not Opened");
  return first.event.value;
}

test("streams of every kind end with a reason to open them again, and the client continues where it was", async () => {
  const attached = subscribe();
  const { attachmentId } = await openedOf(attached);
  const header = { frameworkName: "f", attachmentId };
  const revive = CallsRequest.encode(CallsRequest.fromPartial({ header, call: { type: Call_Type.REVIVE }, tag: 7n }));
  const calls = bridge.stream("a", `${SCHEDULER}/Calls`, revive.finish(), true);
  const streams = [
    attached,
    calls,
    ...["WatchOffers", "WatchLaunches", "WatchStatusUpdates", "WatchEvents"].map((name) =>
      bridge.stream("a", `${OBSERVER}/${name}`, NOTHING),
    ),
    bridge.stream("a", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", stringField(7, "*"), true),
    bridge.stream("a", "/grpc.health.v1.Health/Watch", NOTHING),
  ];
  for (const stream of streams) {
    expect(await stream.ended.next({ what: "the end", timeoutMs: 10_000 })).toMatchObject({
      code: "UNAVAILABLE",
      reason: "STREAM_TOO_OLD",
      retryable: true,
    });
  }
  const answers = calls.messages.all.flatMap((message) => CallsResponse.decode(message).results);
  expect(answers).toMatchObject([{ tag: 7n }]);

  const again = subscribe({ attachmentId, afterSequence: 0n });
  expect(await openedOf(again)).toMatchObject({ resumed: true });
  again.cancel();
});
