import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SubscribeRequest } from "../../../gen/mesosbridge/v1/scheduler.js";
import { NO_EVIDENCE } from "../../../server/access/evidence.js";
import { LongStreams } from "../../../server/grpc/connections/longStreams.js";
import type { Account } from "../../../server/grpc/connections/serverStream.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { HostileClient } from "../../support/hostileClient.js";
import { PermittedBridge } from "../../support/permittedBridge.js";

const PERMISSIONS = `
[[rule]]
identities = ["unix:*"]
allow = ["attach", "call", "observe"]
frameworks = ["*"]
roles = ["*"]
users = ["*"]
`;
const cleanup = cleanupAfterAll();

test("strangers that open 16,000 streams for health stop no Subscribe, Calls or Watch of a known client", async () => {
  const bridge = await PermittedBridge.start(cleanup, ["flood", "known"], PERMISSIONS);
  for (let i = 0; i < 80; i++) {
    const stranger = cleanup.use(await HostileClient.connect(join(bridge.dir, "flood")));
    const watches = Array.from({ length: 200 }, () => stranger.call("grpc.health.v1.Health/Watch", new Uint8Array(0)));
    await Promise.all(
      watches.map((each) => new Promise((resolve) => each.once("response", resolve).once("close", resolve))),
    );
  }
  const request = SubscribeRequest.fromPartial({ frameworkName: "f", frameworkInfo: { user: "root" } });
  const paths = ["SchedulerService/Subscribe", "ObserverService/WatchOffers"];
  for (const path of paths) {
    const bytes = path.endsWith("Subscribe") ? SubscribeRequest.encode(request).finish() : new Uint8Array(0);
    expect(await bridge.stream("known", `/mesosbridge.v1.${path}`, bytes).firstOrEnd()).toMatchObject({ code: "OK" });
  }
  const calls = bridge.stream("known", "/mesosbridge.v1.SchedulerService/Calls", new Uint8Array(0), true);
  expect(await calls.firstOrEnd()).toMatchObject({ code: "OK" });
}, 60_000);

describe("streams that stay", () => {
  const limits = { maxLongStreams: 3, maxLongStreamsInAll: 4, maxStrangerStreams: 4 };
  const account = (known = false): Account => ({
    peer: "p",
    evidence: NO_EVIDENCE,
    known,
    streams: new Set(),
    longStreams: 0,
    lastUsed: 0,
    heldBytes: 0,
    eventBytes: 0,
    blocked: new Set(),
    observers: 0,
    unreadBytes: () => 0,
  });
  const counted = () => {
    const all: Account[] = [];
    const dropped: Account[] = [];
    const streams = new LongStreams(limits);
    const greediest = () => all.filter(({ known }) => !known).sort((a, b) => b.longStreams - a.longStreams)[0];
    const open = (each: Account) => {
      if (!all.includes(each)) all.push(each);
      return streams.open(each, greediest, (stranger) => dropped.push(stranger));
    };
    return { streams, open, dropped };
  };

  test("of the stranger that has most give way to a stranger with fewer", () => {
    const { open, dropped } = counted();
    const [greedy, modest, newcomer] = [account(), account(), account()];
    for (const each of [greedy, greedy, greedy, modest]) expect(open(each)).toBeUndefined();
    expect(open(newcomer)).toBeUndefined();
    expect(dropped).toEqual([greedy]);
    expect(open(modest)).toBeUndefined();
    expect(open(newcomer)).toBeUndefined();
    expect(open(newcomer)?.message).toContain("clients without valid credentials have 4 streams together");
    expect(dropped).toEqual([greedy]);
  });

  test("count as a known client's once it has made a call with valid credentials", () => {
    const { streams, open } = counted();
    const [client, other] = [account(), account(true)];
    for (const each of [client, client, other, other]) expect(open(each)).toBeUndefined();
    expect(streams.recognise(client)).toBeUndefined();
    expect(client.known).toBe(true);
    expect(open(other)?.message).toContain("all clients have 4 streams together");
    streams.closed(client);
    expect(open(other)).toBeUndefined();
  });

  test("stay a stranger's while there is no room among those of known clients", () => {
    const { streams, open } = counted();
    const [client, other] = [account(), account(true)];
    for (const each of [client, client, other, other, other]) expect(open(each)).toBeUndefined();
    expect(streams.recognise(client)?.message).toContain("all clients have 4 streams together");
    expect(client.known).toBe(false);
    streams.closed(other);
    expect(streams.recognise(client)).toBeUndefined();
  });
});
