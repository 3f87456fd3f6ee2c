import { beforeAll, describe, expect, test } from "vitest";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import {
  AcknowledgeRequest,
  type CallResult,
  CallsRequest,
  CallsResponse,
  ReviveOffersRequest,
  SubscribeRequest,
  SubscribeResponse,
} from "../../../gen/mesosbridge/v1/scheduler.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { PermittedBridge } from "../../support/permittedBridge.js";

const SCHEDULER = "/mesosbridge.v1.SchedulerService";
const OBSERVER = "/mesosbridge.v1.ObserverService";
const NOTHING = Buffer.alloc(0);

const rule = (name: string, limits: string) => `
[[rule]]
identities = ["unix:*/${name}"]
allow = ["attach", "call", "observe"]
frameworks = ["*"]
roles = ["*"]
users = ["*"]
limits = { ${limits} }
`;
const PERMISSIONS = [
  rule("frameworks", "frameworks = 1"),
  rule("burst", "frameworks = 1"),
  rule("again", "attachments = 1"),
  rule("attachments", "attachments = 1"),
  rule("observers", "observers = 1"),
  rule("calls", "calls-per-second = 1"),
  rule("stream", "calls-per-second = 1"),
  rule("invalid", "calls-per-second = 1"),
  rule("opening", "calls-per-second = 1"),
  rule("bytes", 'waiting-bytes = "64KiB"'),
  rule("free", "attachments = 1000"),
].join("");

const cleanup = cleanupAfterAll();
let bridge: PermittedBridge;
beforeAll(async () => {
  bridge = await PermittedBridge.start(
    cleanup,
    [
      "frameworks",
      "burst",
      "again",
      "stream",
      "invalid",
      "opening",
      "attachments",
      "observers",
      "calls",
      "bytes",
      "free",
    ],
    PERMISSIONS,
  );
});

function subscribe(identity: string, frameworkName: string) {
  const request = SubscribeRequest.fromPartial({ frameworkName, frameworkInfo: { user: "root" } });
  return bridge.stream(identity, `${SCHEDULER}/Subscribe`, SubscribeRequest.encode(request).finish());
}

const limited = (limit: string) => ({
  code: "RESOURCE_EXHAUSTED",
  reason: "IDENTITY_LIMIT",
  retryable: true,
  metadata: { limit },
});

describe("a limit of an identity", () => {
  test("on frameworks counts those that it attached to last, until their sessions end", async () => {
    const first = subscribe("frameworks", "limited-1");
    await first.messages.next({ what: "Opened" });
    expect(await subscribe("frameworks", "limited-2").firstOrEnd()).toMatchObject(limited("frameworks"));
    expect(bridge.sessions.find("limited-2")).toBeUndefined();
    // Another identity is not concerned, and takes the first one's framework over.
    const other = subscribe("free", "limited-1");
    await other.messages.next({ what: "Opened" });
    expect((await subscribe("frameworks", "limited-2").firstOrEnd()).code).toBe("OK");
    other.cancel();
  });

  test("on frameworks holds when many attach at once", async () => {
    const streams = Array.from({ length: 20 }, (_, index) => subscribe("burst", `burst-${index}`));
    const ends = await Promise.all(streams.map((stream) => stream.firstOrEnd()));
    expect(ends.filter(({ code }) => code === "OK")).toHaveLength(1);
    expect(ends.filter(({ reason }) => reason === "IDENTITY_LIMIT")).toHaveLength(19);
    expect(bridge.sessions.sessions().filter(({ frameworkName }) => frameworkName.startsWith("burst"))).toHaveLength(1);
  });

  test("on attachments counts open Subscribe streams", async () => {
    const first = subscribe("attachments", "attached-1");
    await first.messages.next({ what: "Opened" });
    expect(await subscribe("attachments", "attached-2").firstOrEnd()).toMatchObject(limited("attachments"));
    first.cancel();
    await eventually(async () => (await subscribe("attachments", "attached-2").firstOrEnd()).code === "OK");
  });

  test("on attachments lets an identity supersede its own attachment, which stands until then", async () => {
    const first = subscribe("again", "again-1");
    await first.messages.next({ what: "Opened" });
    const second = subscribe("again", "again-1");
    await second.messages.next({ what: "Opened" });
    expect(await first.ended.next({ what: "the end" })).toMatchObject({ code: "ABORTED" });
    expect(await subscribe("again", "again-2").firstOrEnd()).toMatchObject(limited("attachments"));
    second.cancel();
  });

  test("on observers counts open Watch streams", async () => {
    const first = bridge.stream("observers", `${OBSERVER}/WatchOffers`, NOTHING);
    await first.messages.next({ what: "the snapshot's end" });
    const second = bridge.stream("observers", `${OBSERVER}/WatchEvents`, NOTHING);
    expect(await second.firstOrEnd()).toMatchObject(limited("observers"));
    first.cancel();
  });

  test("on calls refuses those above it with its name, and never an acknowledgement", async () => {
    const stream = subscribe("free", "calls-1");
    const [opened] = SubscribeResponse.decode(await stream.messages.next({ what: "Opened" })).events;
    const attachmentId = opened?.event?.$case === "opened" ? opened.event.value.attachmentId : "";
    const header = { frameworkName: "calls-1", attachmentId };
    const revive = ReviveOffersRequest.encode(ReviveOffersRequest.fromPartial({ header })).finish();
    const many = (path: string, request: Uint8Array) =>
      Promise.all(Array.from({ length: 50 }, () => bridge.call("calls", path, request)));
    for (const calls of await Promise.all([
      many(`${SCHEDULER}/ReviveOffers`, revive),
      many(`${OBSERVER}/ListFrameworks`, NOTHING),
    ])) {
      expect(calls.find(({ code }) => code !== "OK")).toMatchObject(limited("calls-per-second"));
    }
    const acknowledge = AcknowledgeRequest.encode(
      AcknowledgeRequest.fromPartial({ header, ackTokens: ["x"] }),
    ).finish();
    const acknowledged = await Promise.all(
      Array.from({ length: 20 }, () => bridge.call("calls", `${SCHEDULER}/Acknowledge`, acknowledge)),
    );
    // The token is none, which is said: no limit stood in the way.
    expect(new Set(acknowledged.map(({ reason }) => reason))).toEqual(new Set(["INVALID_FIELD"]));
    stream.cancel();
  });

  test("on calls holds for each call of a Calls stream, and not for acknowledgements in it", async () => {
    const stream = subscribe("free", "calls-2");
    const [opened] = SubscribeResponse.decode(await stream.messages.next({ what: "Opened" })).events;
    const attachmentId = opened?.event?.$case === "opened" ? opened.event.value.attachmentId : "";
    const header = { frameworkName: "calls-2", attachmentId };
    const send = (request: Parameters<typeof CallsRequest.fromPartial>[0]) =>
      CallsRequest.encode(CallsRequest.fromPartial({ header, ...request })).finish();
    const calls = bridge.stream("stream", `${SCHEDULER}/Calls`, send({ call: { type: 5 }, tag: 1n }), true);
    for (let tag = 2n; tag <= 10n; tag++) calls.send(send({ call: { type: 5 }, tag }));
    for (let tag = 11n; tag <= 20n; tag++) calls.send(send({ ackTokens: ["x"], tag }));
    const reasons: string[] = [];
    while (reasons.length < 20) {
      const { results } = CallsResponse.decode(await calls.messages.next({ what: "results" }));
      reasons.push(...results.map(({ reason }) => reason));
    }
    expect(reasons.slice(0, 10)).toContain("IDENTITY_LIMIT");
    expect(new Set(reasons.slice(10))).toEqual(new Set(["INVALID_FIELD"]));
    calls.cancel();
    stream.cancel();
  });

  test("on calls counts those that are invalid or name no framework, before anything else is said of them", async () => {
    const many = (path: string, request: Uint8Array) =>
      Promise.all(Array.from({ length: 20 }, () => bridge.call("invalid", path, request)));
    const header = (frameworkName: string) => ({ header: { frameworkName, attachmentId: "x" } });
    const unknown = ReviveOffersRequest.encode(ReviveOffersRequest.fromPartial(header("none"))).finish();
    const nameless = ReviveOffersRequest.encode(ReviveOffersRequest.fromPartial(header(""))).finish();
    const broken = Buffer.from([0x0a, 0xff]);
    const cases: [string, Uint8Array][] = [
      [`${SCHEDULER}/ReviveOffers`, unknown],
      [`${SCHEDULER}/CloseSession`, unknown],
      [`${SCHEDULER}/KillTask`, nameless],
      [`${SCHEDULER}/Call`, unknown],
      [`${SCHEDULER}/LaunchTasks`, broken],
      [`${SCHEDULER}/Call`, broken],
      [`${OBSERVER}/ListTasks`, broken],
      [`${SCHEDULER}/Subscribe`, broken],
    ];
    for (const [path, request] of cases) {
      const ends = await many(path, request);
      expect([path, ends.filter(({ reason }) => reason === "IDENTITY_LIMIT").length > 15]).toEqual([path, true]);
    }
  });

  test("on calls counts the opening of a Calls stream, and invalid messages in it", async () => {
    const open = () => bridge.stream("opening", `${SCHEDULER}/Calls`, NOTHING, true);
    const streams = Array.from({ length: 10 }, open);
    const results: CallResult[] = [];
    const ends = await Promise.all(
      streams.map((stream) => {
        const message = stream.messages.next({ what: "results" }).then((bytes) => {
          results.push(...CallsResponse.decode(bytes).results);
          return undefined;
        });
        return Promise.race([message, stream.ended.next({ what: "the end" })]);
      }),
    );
    expect(ends.filter((end) => end?.reason === "IDENTITY_LIMIT").length).toBeGreaterThan(7);
    expect(results.map(({ reason }) => reason)).toContain("IDENTITY_LIMIT");
    for (const stream of streams) stream.cancel();
  });

  test("on bytes that wait ends an observer that does not read, and refuses it more until it is gone", async () => {
    const framework = subscribe("free", "bytes-1");
    await framework.messages.next({ what: "Opened" });
    let subscription = await bridge.master.subscriptions.next({ what: "a subscription" });
    while (subscription.frameworkId !== bridge.sessions.find("bytes-1")?.state.record.frameworkId) {
      subscription = await bridge.master.subscriptions.next({ what: "the subscription of bytes-1" });
    }
    const watch = bridge.stream("bytes", `${OBSERVER}/WatchEvents`, NOTHING);
    await watch.messages.next({ what: "the snapshot's end" });
    watch.pause();
    const data = Buffer.alloc(32 * 1024, 1);
    const message = { agentId: { value: "a" }, executorId: { value: "e" }, data };
    for (let i = 0; i < 200; i++) subscription.send({ type: Event_Type.MESSAGE, message });
    await eventually(() => (bridge.sessions.find("bytes-1")?.state.log.lastSequence ?? 0) >= 200);
    watch.resume();
    expect(await watch.ended.next({ what: "the end" })).toMatchObject(limited("waiting-bytes"));
    await eventually(async () => (await bridge.call("bytes", `${OBSERVER}/ListFrameworks`, NOTHING)).code === "OK");
    framework.cancel();
  });
});
