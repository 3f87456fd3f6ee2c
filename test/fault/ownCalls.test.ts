import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TaskState, TaskStatus_Source } from "../../gen/mesos/v1/mesos.js";
import { Call_Type, Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { ExpiryPolicy } from "../../gen/mesosbridge/v1/scheduler.js";
import { AnsweringMaster, type FakeAnswer, type FakeSubscription } from "../support/answeringMaster.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeScheduler, type PartialSubscribe } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { eventually } from "../support/eventually.js";
import { task } from "../support/messages.js";

const page = { body: "<html><title>Access denied</title></html>", headers: { "Content-Type": "text/html" } };
/** Answers after which the subscription goes on. */
const refusals: [name: string, answer: FakeAnswer][] = [
  ["401", { status: 401, body: "401 Unauthorized." }],
  ["a firewall's 403", { status: 403, ...page }],
  ["a proxy's 429", { status: 429, ...page }],
];
/** Answers after which another subscription is made. */
const breaks: [name: string, answer: FakeAnswer][] = [
  ["503", { status: 503, body: "Master has not finished recovery" }],
  ["an empty login page", { status: 202, headers: { "Content-Type": "text/html" } }],
  ["a connection that breaks", {}],
];
const ACCEPTED: FakeAnswer = { status: 202 };

const cleanup = new Cleanup();
let master: AnsweringMaster;
let bridge: Bridge;
beforeEach(async () => {
  master = cleanup.use(await AnsweringMaster.start());
  bridge = cleanup.use(await startBridge({ master: master.host, flags: ["--offer-hold", "100ms"] }));
});
afterEach(() => cleanup.run());

async function attach(request: PartialSubscribe = {}) {
  const scheduler = await cleanup.use(await BridgeScheduler.attach(bridge.address, request)).linked();
  return { scheduler, subscription: await master.subscriptions.next() };
}

/** Attaches the next client of the framework. */
async function again({ name }: BridgeScheduler): Promise<BridgeScheduler> {
  return cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName: name, frameworkInfo: undefined }));
}

function offer({ frameworkId, send }: FakeSubscription, ...ids: string[]): void {
  const offers = ids.map((id) => ({
    id: { value: id },
    frameworkId: { value: frameworkId },
    agentId: { value: "a" },
    hostname: "h",
  }));
  send({ type: Event_Type.OFFERS, offers: { offers } });
}

/** The log's lines of the bridge's own calls: their levels. */
function told(): (string | undefined)[] {
  const lines = bridge.log().split("\n");
  return lines.filter((line) => /bridge's own/.test(line)).map((line) => /"level":"(\w+)"/.exec(line)?.[1]);
}

/** Waits until so many calls of a type have come. */
async function come(type: keyof typeof Call_Type, count: number): Promise<void> {
  const calls = () => master.calls.all.filter((call) => call.call().type === Call_Type[type]).length;
  await eventually(() => calls() >= count, { timeoutMs: 15_000, what: `${count} calls of ${type}` });
}

/** The call of that type that comes after all that have come. */
async function next(type: keyof typeof Call_Type) {
  const seen = master.calls.all.length;
  const later = () => master.calls.all.slice(seen).find((call) => call.call().type === Call_Type[type]);
  return (await eventually(later, { timeoutMs: 20_000, what: type }))?.call();
}

describe.each(refusals)("calls of the bridge's own that are answered with %s", (_, answer) => {
  test("DECLINE and SUPPRESS at the end of the hold are repeated until they are taken", async () => {
    const { scheduler, subscription } = await attach();
    offer(subscription, "o1", "o2");
    await scheduler.offers();
    master.answerCallsWith(answer);
    scheduler.stop();
    await come("DECLINE", 3);
    await eventually(() => told().length === 1, { what: "the trouble in the log" });
    master.answerCallsWith(ACCEPTED);
    const [decline, suppress] = await Promise.all([next("DECLINE"), next("SUPPRESS")]);
    expect(decline?.decline?.offerIds.map(({ value }) => value)).toEqual(["o1", "o2"]);
    expect(suppress?.suppress?.roles ?? []).toEqual([]);
    await eventually(() => told().length === 2, { what: "the end of the trouble in the log" });
    expect(told()).toEqual(["warn", "info"]);
    expect(master.subscriptions.waiting).toBe(0);
  });

  test("TEARDOWN at the end of the lease is repeated until it is taken", async () => {
    const { scheduler } = await attach({
      lease: { seconds: 0n, nanos: 200_000_000 },
      expiryPolicy: ExpiryPolicy.EXPIRY_POLICY_TEARDOWN,
    });
    master.answerCallsWith(answer);
    scheduler.stop();
    await come("TEARDOWN", 3);
    expect(bridge.log()).toMatch(/"level":"warn"[^\n]*"call":"TEARDOWN"/);
    master.answerCallsWith(ACCEPTED);
    await next("TEARDOWN");
    await bridge.process.logged(/"level":"info"[^\n]*Mesos accepts the bridge's own calls again/);
    await eventually(() => master.fake.openConnections === 0, { what: "the end of the link" });
  });
});

describe("calls of the bridge's own that are answered with 401", () => {
  const answer = { status: 401, body: "401 Unauthorized." };

  test("REVIVE for a client that is back is repeated, and what is not needed any more is not", async () => {
    const { scheduler } = await attach();
    scheduler.stop();
    await master.call("SUPPRESS");
    master.answerCallsWith(answer);
    await again(scheduler);
    await come("REVIVE", 3);
    master.answerCallsWith(ACCEPTED);
    await next("REVIVE");
    await eventually(() => told().length === 2, { what: "the end of the trouble in the log" });
    const calls = master.calls.all.map((call) => Call_Type[call.call().type ?? 0]);
    expect(calls.filter((type) => type === "SUPPRESS")).toHaveLength(1);
  });

  test("an acknowledgement that Mesos asks for again is repeated", async () => {
    const { scheduler, subscription } = await attach();
    const status = {
      taskId: { value: "t" },
      agentId: { value: "a" },
      state: TaskState.TASK_RUNNING,
      source: TaskStatus_Source.SOURCE_EXECUTOR,
      uuid: Buffer.from("0123456789ab4def8123456789abcdef", "hex"),
    };
    const update = { type: Event_Type.UPDATE, update: { status } };
    subscription.send(update);
    await scheduler.update("t");
    master.answerCallsWith(answer);
    subscription.send(update);
    await come("ACKNOWLEDGE", 4);
    master.answerCallsWith(ACCEPTED);
    expect((await next("ACKNOWLEDGE"))?.acknowledge?.taskId?.value).toBe("t");
    await eventually(() => told().length === 2, { what: "the end of the trouble in the log" });
  });

  test("a client's own call that is refused while it is away leaves no offer open", async () => {
    const { scheduler, subscription } = await attach();
    offer(subscription, "o1");
    await scheduler.offers();
    master.answerCalls(false);
    const launched = scheduler.call("launchTasks", {
      offerIds: [{ value: "o1" }],
      tasks: [task({ value: "a" }, { command: { value: "true" } })],
    });
    const accept = await master.call("ACCEPT");
    scheduler.stream.cancel();
    const suppress = await master.call("SUPPRESS");
    master.answerCalls(true);
    accept.connection.answer(answer.status, answer.body);
    suppress.connection.answer(202);
    expect((await launched).code).not.toBe("OK");
    const decline = (await master.call("DECLINE")).call().decline;
    expect(decline?.offerIds.map(({ value }) => value)).toEqual(["o1"]);
  });
});

describe.each(breaks)("calls of the bridge's own that are answered with %s", (_, answer) => {
  test("at the end of the hold: another subscription gives the offers back, and says that no more are wanted", async () => {
    const { scheduler, subscription } = await attach();
    offer(subscription, "o1");
    await scheduler.offers();
    master.answerCallsWith(answer);
    scheduler.stop();
    await come("DECLINE", 1);
    await master.subscriptions.next();
    master.answerCallsWith(ACCEPTED);
    const subscribes = master.fake.requests.all.filter(
      ({ method, call }) => method === "POST" && call().type === Call_Type.SUBSCRIBE,
    );
    expect(subscribes.at(-1)?.call().subscribe?.suppressedRoles).toHaveLength(1);
    // A client that is back gets offers again.
    await again(scheduler);
    await come("REVIVE", 1);
  });

  test("TEARDOWN at the end of the lease goes out on the next subscription", async () => {
    const { scheduler } = await attach({
      lease: { seconds: 0n, nanos: 200_000_000 },
      expiryPolicy: ExpiryPolicy.EXPIRY_POLICY_TEARDOWN,
    });
    await scheduler.ok("suppressOffers");
    master.answerCallsWith(answer);
    scheduler.stop();
    await come("TEARDOWN", 2);
    master.answerCallsWith(ACCEPTED);
    await next("TEARDOWN");
    expect(bridge.log()).toMatch(/"level":"info"[^\n]*"msg":"no subscription"/);
    await eventually(() => master.fake.openConnections === 0, { what: "the end of the link" });
  });
});
