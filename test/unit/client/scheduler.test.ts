import { type CallContext, Status } from "nice-grpc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  BridgeError,
  Scheduler,
  type SchedulerEvent,
  type SchedulerOptions,
  TaskState,
} from "../../../clients/typescript/index.js";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { FakeBridge, type FakeStream, refuse } from "./fakeBridge.js";

let fake: FakeBridge;
let scheduler: Scheduler;
let events: AsyncGenerator<SchedulerEvent>;

function connect(options: Partial<SchedulerOptions> = {}): void {
  scheduler = new Scheduler({
    bridge: fake.address,
    frameworkName: "test",
    frameworkInfo: { user: "nobody" },
    backoff: { initialMs: 1, maxMs: 20 },
    ...options,
  });
  events = scheduler.events();
}

/** The next event; the test fails when the events have ended. */
async function next<K extends SchedulerEvent["kind"]>(kind: K): Promise<Extract<SchedulerEvent, { kind: K }>> {
  const { value } = await events.next();
  expect(value).toMatchObject({ kind });
  return value as Extract<SchedulerEvent, { kind: K }>;
}

/** Attaches and reads up to the end of an empty snapshot. */
async function attach(id = "a1"): Promise<FakeStream> {
  const opened = next("opened");
  const stream = await fake.stream();
  stream.opened(id);
  await opened;
  stream.snapshotEnd();
  await next("snapshot-end");
  return stream;
}

const offers = (sequence: bigint, ids: string[], fragment = false) => ({
  sequence,
  fragment,
  event: {
    $case: "mesos" as const,
    value: { type: Event_Type.OFFERS, offers: { offers: ids.map((value) => ({ id: { value } })) } },
  },
});

const update = (sequence: bigint, task: string, ackToken: string) => ({
  sequence,
  ackToken,
  event: {
    $case: "mesos" as const,
    value: {
      type: Event_Type.UPDATE,
      update: { status: { taskId: { value: task }, state: TaskState.TASK_FINISHED } },
    },
  },
});

beforeEach(async () => {
  fake = await FakeBridge.start();
});

afterEach(async () => {
  await scheduler?.close(0);
  fake.stop();
});

describe("attaching", () => {
  it("names the framework, its info, the lease and what shall become of it", async () => {
    connect({ leaseMs: 1500, expiry: "teardown", replaceRemoved: true });
    const opened = next("opened");
    const { request } = await fake.stream().then((stream) => {
      stream.opened("a1");
      return stream;
    });
    expect(await opened).toMatchObject({ attachmentId: "a1", resumed: false, leaseMs: 60_000 });
    expect(request.frameworkName).toBe("test");
    expect(request.frameworkInfo?.user).toBe("nobody");
    expect(request.lease).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
    expect(request.expiryPolicy).toBe(2);
    expect(request.replaceRemoved).toBe(true);
    expect(request.resume).toBeUndefined();
  });

  it("says so when there is no bridge, and attaches when there is one", async () => {
    const { address } = fake;
    fake.stop();
    connect();
    const detached = await next("detached");
    expect(detached.attempt).toBe(1);
    expect(detached.error.code).toBe(Status.UNAVAILABLE);
    fake = await FakeBridge.start(address);
    const opened = (async () => {
      for (;;) {
        const { value } = await events.next();
        if (value?.kind === "opened") return value;
      }
    })();
    (await fake.stream()).opened("a1");
    expect(await opened).toMatchObject({ attachmentId: "a1", failures: expect.any(Number) });
    expect((await opened).failures).toBeGreaterThan(0);
  });

  it("gives up after the time that it was given", async () => {
    fake.stop();
    connect({ giveUpAfterMs: 100 });
    const kinds = new Set<string>();
    await expect(async () => {
      for await (const event of events) kinds.add(event.kind);
    }).rejects.toMatchObject({ name: "BridgeError", code: Status.UNAVAILABLE });
    // On a slow machine the time is over before the first attempt is.
    kinds.delete("detached");
    expect([...kinds]).toEqual([]);
  });

  it("resumes after the last event that it got, and gets what it missed", async () => {
    connect();
    const stream = await attach();
    stream.send(offers(1n, ["o1"]), offers(2n, ["o2"]));
    await next("offers");
    await next("offers");
    stream.fail(Status.UNAVAILABLE);
    expect((await next("detached")).error.code).toBe(Status.UNAVAILABLE);
    const opened = next("opened");
    const second = await fake.stream();
    expect(second.request.resume).toMatchObject({ attachmentId: "a1", afterSequence: 2n });
    second.opened("a2", { resumed: true, sequence: 9n });
    second.send(offers(3n, ["o3"]));
    expect((await opened).resumed).toBe(true);
    expect((await next("offers")).offers[0]?.id?.value).toBe("o3");
    // It broke before anything came: the position stays, under the new name.
    second.fail(Status.UNAVAILABLE);
    await next("detached");
    const third = next("opened");
    const stream3 = await fake.stream();
    expect(stream3.request.resume).toMatchObject({ attachmentId: "a2", afterSequence: 3n });
    stream3.opened("a3");
    await third;
  });

  it("asks for all pieces again when the stream broke between two of them", async () => {
    connect();
    const stream = await attach();
    stream.send(offers(1n, ["o1"]), offers(2n, ["o2"], true));
    await next("offers");
    expect(await next("offers")).toMatchObject({ fragment: true });
    stream.fail(Status.UNAVAILABLE);
    await next("detached");
    const opened = next("opened");
    const second = await fake.stream();
    expect(second.request.resume?.afterSequence).toBe(1n);
    second.opened("a2", { resumed: true });
    await opened;
  });

  it("attaches again when the bridge is silent for three intervals", async () => {
    connect();
    const opened = next("opened");
    const stream = await fake.stream();
    stream.opened("a1", { progressSeconds: 0.05 });
    await opened;
    const detached = await next("detached");
    expect(detached.error.message).toContain("no sign of life");
    const again = next("opened");
    (await fake.stream()).opened("a2");
    expect((await again).attachmentId).toBe("a2");
  });

  it.each([
    [Status.ABORTED, "ATTACHMENT_SUPERSEDED"],
    [Status.FAILED_PRECONDITION, "FRAMEWORK_REMOVED"],
    [Status.FAILED_PRECONDITION, "FRAMEWORK_FAILED_OVER"],
    [Status.INVALID_ARGUMENT, "INVALID_FIELD"],
  ])("ends for good with %s %s", async (code, reason) => {
    connect();
    const stream = await attach();
    stream.fail(code, reason, { metadata: { framework_name: "test" } });
    await expect(events.next()).rejects.toMatchObject({ code, reason, metadata: { framework_name: "test" } });
    await expect(scheduler.reviveOffers()).rejects.toMatchObject({ reason });
    expect(fake.streams.size).toBe(0);
  });

  it("ends without an error when the bridge ends the stream in order", async () => {
    connect();
    const stream = await attach();
    stream.end();
    expect(await events.next()).toMatchObject({ done: true });
  });

  it("attaches again after it was too slow", async () => {
    connect();
    const stream = await attach();
    stream.fail(Status.RESOURCE_EXHAUSTED, "SLOW_CONSUMER");
    expect((await next("detached")).error.reason).toBe("SLOW_CONSUMER");
    const opened = next("opened");
    (await fake.stream()).opened("a2");
    await opened;
  });
});

describe("events", () => {
  it("tells how many are missing", async () => {
    connect();
    const stream = await attach();
    stream.send(offers(1n, ["o1"]), offers(5n, ["o5"]));
    await next("offers");
    expect((await next("gap")).missing).toBe(3n);
    expect((await next("offers")).offers[0]?.id?.value).toBe("o5");
  });

  it("takes a snapshot's repeated sequence for no gap, and a restarted bridge's new count as it is", async () => {
    connect();
    const opened = next("opened");
    const stream = await fake.stream();
    stream.opened("a1", { sequence: 7n });
    await opened;
    stream.send(offers(7n, ["o1"]));
    stream.snapshotEnd(7n);
    stream.send(offers(8n, ["o2"]));
    await next("offers");
    await next("snapshot-end");
    await next("offers");
    stream.fail(Status.UNAVAILABLE);
    await next("detached");
    const again = next("opened");
    const second = await fake.stream();
    second.opened("b1", { sequence: 0n });
    await again;
    second.send(offers(1n, ["o3"]));
    expect((await next("offers")).offers[0]?.id?.value).toBe("o3");
  });

  it("ignores a case that it does not know", async () => {
    connect();
    const stream = await attach();
    stream.send({ sequence: 1n }, { sequence: 2n, event: { $case: "mesos", value: { type: Event_Type.HEARTBEAT } } });
    stream.send(offers(3n, ["o3"]));
    expect((await next("offers")).sequence).toBe(3n);
  });

  it("makes the bridge wait while the consumer is busy, and loses nothing", async () => {
    connect({ maxBuffered: 2 });
    const stream = await attach();
    for (let i = 1; i <= 200; i++) stream.send(offers(BigInt(i), [`o${i}`]));
    for (let i = 1; i <= 200; i++) expect((await next("offers")).offers[0]?.id?.value).toBe(`o${i}`);
  });

  it("can be read only once", async () => {
    connect();
    await attach();
    await expect(scheduler.events().next()).rejects.toThrow("only once");
  });
});

describe("acknowledgements", () => {
  it("go out only after the next event was asked for, in order", async () => {
    connect();
    const stream = await attach();
    stream.send(update(1n, "t1", "ack-1"), update(2n, "t2", "ack-2"), update(3n, "t3", "ack-3"));
    await next("update");
    await scheduler.reviveOffers();
    expect((await fake.calls.take())?.method).toBe("reviveOffers");
    expect(fake.calls.size).toBe(0);
    await next("update");
    expect((await fake.call("acknowledge")).request.ackTokens).toEqual(["ack-1"]);
    await next("update");
    expect((await fake.call("acknowledge")).request.ackTokens).toEqual(["ack-2"]);
    await scheduler.close();
    expect(fake.calls.size).toBe(0);
  });

  it("wait until what was handled is stored, and then go together", async () => {
    let store: () => void = () => undefined;
    let asked = 0;
    let mayGo = false;
    connect({
      beforeAcknowledging: () => {
        asked++;
        return mayGo ? Promise.resolve() : new Promise((resolve) => (store = resolve));
      },
    });
    const stream = await attach();
    const sent: string[] = [];
    fake.answer("acknowledge", ({ ackTokens }: { ackTokens: string[] }) => {
      sent.push(...ackTokens);
      return {};
    });
    stream.send(...[1, 2, 3].map((i) => update(BigInt(i), `t${i}`, `ack-${i}`)), offers(4n, ["o"]));
    for (let i = 1; i <= 3; i++) await next("update");
    await next("offers");
    expect([asked, sent]).toEqual([1, []]);
    mayGo = true;
    store();
    await scheduler.close();
    expect([asked, sent]).toEqual([2, ["ack-1", "ack-2", "ack-3"]]);
  });

  it("are not sent while that fails", async () => {
    let failing = true;
    connect({
      beforeAcknowledging: () => (failing ? Promise.reject(new Error("the disk is full")) : Promise.resolve()),
    });
    const stream = await attach();
    stream.send(update(1n, "t1", "ack-1"), offers(2n, ["o"]));
    await next("update");
    await next("offers");
    expect(scheduler.owedAcknowledgements).toBe(1);
    failing = false;
    expect((await fake.call("acknowledge")).request.ackTokens).toEqual(["ack-1"]);
  });

  it("fill up the next batch while one is on its way", async () => {
    connect();
    const stream = await attach();
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    fake.answer("acknowledge", () => held.then(() => ({})));
    stream.send(...Array.from({ length: 20 }, (_, i) => update(BigInt(i + 1), `t${i}`, `ack-${i}`)), offers(21n, []));
    await next("update");
    await next("update");
    expect((await fake.call("acknowledge")).request.ackTokens).toEqual(["ack-0"]);
    for (let i = 2; i < 20; i++) await next("update");
    await next("offers");
    letGo();
    const { request } = await fake.call("acknowledge");
    expect(request.ackTokens).toEqual(Array.from({ length: 19 }, (_, i) => `ack-${i + 1}`));
  });

  it("are sent again over the next attachment, and the update is not handed out twice", async () => {
    connect();
    const stream = await attach();
    fake.answer("acknowledge", (_: never, context) => refuse(context, Status.UNAVAILABLE, "NO_MASTER"));
    stream.send(update(1n, "t1", "ack-1"), offers(2n, ["o1"]));
    await next("update");
    await next("offers");
    expect((await fake.call("acknowledge")).request.header?.attachmentId).toBe("a1");
    stream.fail(Status.UNAVAILABLE);
    await next("detached");
    const opened = next("opened");
    const second = await fake.stream();
    second.opened("a2", { sequence: 2n });
    await opened;
    second.send(update(2n, "t1", "ack-1"));
    second.snapshotEnd(2n);
    fake.answer("acknowledge", () => ({}));
    await next("snapshot-end");
    for (;;) {
      const { request } = await fake.call("acknowledge");
      expect(request.ackTokens).toEqual(["ack-1"]);
      if (request.header?.attachmentId === "a2") break;
    }
    await scheduler.close();
    expect(scheduler.owedAcknowledgements).toBe(0);
  });

  it("leave out the one that is refused, and tell of it", async () => {
    connect();
    const stream = await attach();
    const taken: string[] = [];
    fake.answer("acknowledge", (request: { ackTokens: string[] }, context) => {
      if (request.ackTokens.includes("bad")) refuse(context, Status.INVALID_ARGUMENT, "INVALID_FIELD");
      taken.push(...request.ackTokens);
      return {};
    });
    stream.send(update(1n, "t1", "good-1"), update(2n, "t2", "bad"), update(3n, "t3", "good-2"), offers(4n, []));
    for (let i = 0; i < 3; i++) await next("update");
    await next("offers");
    expect((await next("acknowledgement-refused")).ackToken).toBe("bad");
    await scheduler.close();
    expect(taken).toEqual(["good-1", "good-2"]);
  });

  it("are drained by close", async () => {
    connect();
    const stream = await attach();
    const taken: string[] = [];
    fake.answer("acknowledge", (request: { ackTokens: string[] }) => {
      taken.push(...request.ackTokens);
      return {};
    });
    stream.send(update(1n, "t1", "ack-1"), offers(2n, []));
    await next("update");
    await next("offers");
    await scheduler.close();
    expect(taken).toEqual(["ack-1"]);
    expect(await events.next()).toMatchObject({ done: true });
  });

  it("are not sent for the update at which the loop was left", async () => {
    connect();
    const stream = await attach();
    stream.send(update(1n, "t1", "ack-1"));
    for await (const event of events) if (event.kind === "update") break;
    await scheduler.close();
    expect(fake.calls.size).toBe(0);
  });
});

describe("calls", () => {
  it("carry framework name, attachment and a request id, and the same one when tried again", async () => {
    connect();
    await attach();
    let tries = 0;
    fake.answer("launchTasks", (_: never, context) => (++tries < 3 ? refuse(context, Status.UNAVAILABLE) : {}));
    await scheduler.launchTasks({ offerIds: [{ value: "o1" }], tasks: [{ name: "t", taskId: { value: "t" } }] });
    const ids = new Set<unknown>();
    for (let i = 0; i < 3; i++) {
      const { header } = (await fake.call("launchTasks")).request;
      expect(header).toMatchObject({ frameworkName: "test", attachmentId: "a1" });
      ids.add(header?.requestId);
    }
    expect(ids.size).toBe(1);
    expect(ids.has("")).toBe(false);
  });

  it("does not repeat a launch whose outcome is unknown", async () => {
    connect();
    await attach();
    fake.answer("launchTasks", (_: never, context) => refuse(context, Status.UNAVAILABLE, "OUTCOME_UNKNOWN"));
    const launch = scheduler.launchTasks({ offerIds: [{ value: "o1" }], tasks: [] });
    await expect(launch).rejects.toMatchObject({ reason: "OUTCOME_UNKNOWN", outcomeUnknown: true, retryable: false });
    await fake.call("launchTasks");
    expect(fake.calls.size).toBe(0);
  });

  it("repeats a kill whose outcome is unknown, as a new request", async () => {
    connect();
    await attach();
    let tries = 0;
    fake.answer("killTask", (_: never, context) =>
      ++tries < 2 ? refuse(context, Status.UNAVAILABLE, "OUTCOME_UNKNOWN") : {},
    );
    await scheduler.killTask({ taskId: { value: "t1" } });
    const first = (await fake.call("killTask")).request.header?.requestId;
    const second = (await fake.call("killTask")).request.header?.requestId;
    expect(second).not.toBe(first);
  });

  it("takes no clear answer for one that follows a try without an answer", async () => {
    connect();
    await attach();
    let tries = 0;
    fake.answer("launchTasks", (_: never, context) =>
      ++tries === 1
        ? refuse(context, Status.UNAVAILABLE)
        : refuse(context, Status.FAILED_PRECONDITION, "OFFER_GONE", { metadata: { offer_ids: "o1" } }),
    );
    const launch = scheduler.launchTasks({ offerIds: [{ value: "o1" }], tasks: [] });
    await expect(launch).rejects.toMatchObject({ reason: "OUTCOME_UNKNOWN", outcomeUnknown: true });
  });

  it("hands on reason, metadata and field errors", async () => {
    connect();
    await attach();
    fake.answer("launchTasks", (_: never, context) =>
      refuse(context, Status.FAILED_PRECONDITION, "OFFER_GONE", {
        metadata: { offer_ids: "o1" },
        fields: ["tasks[0]"],
      }),
    );
    const error = await scheduler.launchTasks({ offerIds: [{ value: "o1" }] }).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(BridgeError);
    expect(error).toMatchObject({
      code: Status.FAILED_PRECONDITION,
      reason: "OFFER_GONE",
      metadata: { offer_ids: "o1" },
      retryable: false,
      outcomeUnknown: false,
    });
    expect((error as BridgeError).message).toContain("tasks[0]: is wrong");
  });

  it("waits for the next attachment when its own was replaced by that of the same scheduler", async () => {
    connect();
    const stream = await attach();
    fake.answer("reviveOffers", (request: { header: { attachmentId: string } }, context) =>
      request.header.attachmentId === "a1" ? refuse(context, Status.FAILED_PRECONDITION, "ATTACHMENT_SUPERSEDED") : {},
    );
    const revive = scheduler.reviveOffers();
    await fake.call("reviveOffers");
    stream.fail(Status.UNAVAILABLE);
    await next("detached");
    const opened = next("opened");
    (await fake.stream()).opened("a2");
    await opened;
    await revive;
  });

  it("ends at its deadline, and says whether anything was sent", async () => {
    connect();
    const stream = await attach();
    fake.answer("killTask", () => new Promise(() => {}));
    await expect(scheduler.killTask({ taskId: { value: "t" } }, { deadlineMs: 50 })).rejects.toMatchObject({
      code: Status.DEADLINE_EXCEEDED,
      reason: "OUTCOME_UNKNOWN",
    });
    // The wait for the next try is longer than the deadline: no try is under way when that passes.
    const refused = (_: never, context: CallContext) =>
      refuse(context, Status.UNAVAILABLE, "NO_MASTER", { retryS: 60 });
    fake.answer("reviveOffers", refused);
    const revive = scheduler.reviveOffers([], { deadlineMs: 1_000 });
    await expect(revive).rejects.toMatchObject({ code: Status.DEADLINE_EXCEEDED, reason: "NOT_SENT" });
    await expect(revive).rejects.toThrow("NO_MASTER");
    stream.end();
  });

  it("ends when its signal aborts", async () => {
    connect();
    const controller = new AbortController();
    const revive = scheduler.reviveOffers([], { signal: controller.signal });
    controller.abort();
    await expect(revive).rejects.toMatchObject({ code: Status.CANCELLED });
  });

  it("a teardown that ended the stream before its answer came has worked", async () => {
    connect();
    const stream = await attach();
    fake.answer("teardown", (_: never, context) => {
      stream.end();
      refuse(context, Status.UNAVAILABLE);
    });
    await Promise.all([scheduler.teardown(), expect(events.next()).resolves.toMatchObject({ done: true })]);
  });

  it("a teardown that was seen by its effect alone has worked", async () => {
    connect();
    const stream = await attach();
    fake.answer("teardown", (_: never, context) => {
      stream.fail(Status.FAILED_PRECONDITION, "FRAMEWORK_REMOVED");
      refuse(context, Status.UNAVAILABLE, "OUTCOME_UNKNOWN");
    });
    await Promise.all([scheduler.teardown(), expect(events.next()).resolves.toMatchObject({ done: true })]);
  });

  it("pipelines calls with the attachment in each", async () => {
    connect();
    await attach();
    async function* requests() {
      yield { tag: 1n, ackTokens: ["x"] };
      yield { tag: 2n, ackTokens: ["y"] };
    }
    const tags: bigint[] = [];
    for await (const { tag } of scheduler.pipeline(requests())) tags.push(tag);
    expect(tags).toEqual([1n, 2n]);
    expect((await fake.call("calls")).request.header).toMatchObject({ frameworkName: "test", attachmentId: "a1" });
  });
});
