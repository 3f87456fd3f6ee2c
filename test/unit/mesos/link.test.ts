import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import type { CallOutcome } from "../../../server/mesos/link/callOutcome.js";
import { Arrivals } from "../../support/arrivals.js";
import { eventually, within } from "../../support/eventually.js";
import { chunk, type FakeConnection, type FakeRequest, record } from "../../support/fakeMaster.js";
import { kernelTellsTimers, probedInMs } from "../../support/keepalive.js";
import { outgoingCall } from "../../support/outgoingCall.js";
import { standStill } from "../../support/standStill.js";
import { LinkTests, rescind, type Subject, type Told } from "./linkTests.js";

const links = new LinkTests();

const answered = (told: Told) => ("connected" in told ? "connected" : told);

describe("subscribing", () => {
  test("sends one SUBSCRIBE as Mesos wants it, and tells what comes", async () => {
    const subject = links.subject();
    const request = await links.master.subscription();
    expect(request).toMatchObject({ method: "POST", path: "/api/v1/scheduler" });
    expect(request.headers.get("content-type")).toBe("application/x-protobuf");
    expect(request.headers.get("accept")).toBe("application/x-protobuf");
    expect(request.headers.has("mesos-stream-id")).toBe(false);
    expect(request.headers.has("authorization")).toBe(false);
    expect(request.body.toString("latin1")).toBe("\x10\x01subscribe 1");
    request.connection.heartbeat();
    request.connection.send(rescind("o"));
    expect(await subject.told.take(3)).toEqual([
      { connected: links.master.host },
      { event: "SUBSCRIBED" },
      { event: "RESCIND" },
    ]);
    expect(subject.link.connected).toBe(true);
  });

  test.runIf(kernelTellsTimers)("both connections are probed before something on the way forgets them", async () => {
    const subject = links.subject();
    const subscribe = await links.master.subscription();
    await subject.connected();
    subject.link.send(outgoingCall("call"), () => {});
    const call = await links.master.requests.next();
    call.connection.answer(202);
    for (const { connection } of [subscribe, call]) {
      await eventually(() => (probedInMs(connection.socket) ?? Infinity) <= 10_000, { what: "a probe within 10 s" });
    }
  });

  test("a framework that is not this one is never acted for", async () => {
    const subject = links.subject();
    subject.subscribeCall = () => Buffer.from("\n\x0b\n\x09framework\x10\x01", "latin1");
    const foreign = await links.master.subscription({ frameworkId: "somebody-else" });
    foreign.connection.send(rescind("o"));
    expect(await subject.disconnected()).toBe(
      `${links.master.host} subscribed framework somebody-else in place of framework: its answer is ignored`,
    );
    await foreign.connection.ended();
    await links.master.subscription({ frameworkId: "framework" });
    await subject.connected();
    const events = subject.told.all.filter((told) => "event" in told);
    expect(events).toEqual([{ event: "SUBSCRIBED" }]);
  });

  test("a second SUBSCRIBED of another framework ends the subscription", async () => {
    const subject = links.subject();
    subject.subscribeCall = () => Buffer.from("\n\x0b\n\x09framework\x10\x01", "latin1");
    const { connection } = await links.master.subscription({ frameworkId: "framework" });
    await subject.connected();
    connection.subscribed({ frameworkId: "somebody-else" });
    expect(await subject.disconnected()).toContain("subscribed framework somebody-else in place of framework");
  });

  test("calls go out on a second connection with the stream id, and keep to the subscription", async () => {
    const subject = links.subject();
    const outcomes = new Arrivals<CallOutcome>();
    subject.link.send(outgoingCall("early"), (outcome) => outcomes.push(outcome));
    expect(await outcomes.next()).toEqual({ kind: "not-sent", message: "no master yet" });
    const subscribe = await links.master.subscription();
    await subject.connected();
    subject.link.send(outgoingCall("call"), (outcome) => outcomes.push(outcome));
    const call = await links.master.requests.next();
    expect(call.headers.get("mesos-stream-id")).toBe("stream-1");
    expect(call.connection).not.toBe(subscribe.connection);
    call.connection.answer(202);
    expect(await outcomes.next()).toEqual({ kind: "accepted" });
    subject.link.send(outgoingCall("cut off"), (outcome) => outcomes.push(outcome));
    await links.master.requests.next();
    subscribe.connection.endStream();
    expect((await outcomes.next()).kind).toBe("unknown");
    await call.connection.ended();
    expect(await subject.disconnected()).toBe("the master ended the subscription");
  });

  test("events split byte by byte, across chunks and with several in one", async () => {
    const subject = links.subject();
    const { connection } = await links.master.requests.next();
    connection.openStream();
    const events = [
      { type: Event_Type.SUBSCRIBED, subscribed: { frameworkId: { value: "f" } } },
      { type: Event_Type.HEARTBEAT },
      rescind("a"),
      rescind("b"),
    ];
    const stream = Buffer.concat(events.map(record));
    for (const byte of stream) await connection.writeInPieces(chunk(Buffer.of(byte)), 2);
    connection.send(rescind("c"), { type: Event_Type.HEARTBEAT }, rescind("d"));
    const told = await subject.told.take(6);
    expect(told.map(answered)).toEqual(["connected", { event: "SUBSCRIBED" }, ...Array(4).fill({ event: "RESCIND" })]);
  });

  test("an event of megabytes arrives whole", async () => {
    const received = new Arrivals<number>();
    const subject = links.subject();
    subject.onEvents = (events) => {
      for (const event of events) received.push(event.length);
    };
    const { connection } = await links.master.subscription();
    await received.next();
    const large = record({ type: Event_Type.MESSAGE, message: { data: Buffer.alloc(5_000_000, 7) } });
    connection.sendRaw(large);
    expect(await received.next()).toBe(large.length - `${large.length - 8}\n`.length);
  });

  test("an event of an unknown type is handed on as it is", async () => {
    const subject = links.subject();
    const { connection } = await links.master.subscription();
    await subject.connected();
    connection.sendRaw(Buffer.from("3\n\x08\xc8\x01", "latin1"));
    expect(await subject.told.next()).toEqual({ event: "type 200" });
  });
});

describe("what ends a subscription, is told, and is tried again", () => {
  const ends: [name: string, act: (connection: FakeConnection) => void, reason: (host: string) => string][] = [
    ["the end of the stream", (c) => c.endStream(), () => "the master ended the subscription"],
    [
      "the end in the middle of an event",
      (c) => {
        c.sendRaw(record(rescind("o")).subarray(0, -1));
        c.endStream();
      },
      () => "the master ended the subscription in the middle of an event",
    ],
    ["the end of the connection", (c) => c.end(), (host) => `the connection to ${host} broke`],
    ["a reset", (c) => c.reset(), (host) => `the connection to ${host} broke`],
    [
      "a reset in the middle of an event",
      (c) => {
        c.sendRaw(Buffer.from("100\nabc"));
        c.socket.write("1", () => c.reset());
      },
      (host) => `the connection to ${host} broke`,
    ],
    [
      "a record of hostile length",
      (c) => c.sendRaw(Buffer.from("99999999999999999999\n")),
      () =>
        "the stream of events is not RecordIO: a record of 99999999999999999999 bytes is over the limit of 1000000 bytes",
    ],
    [
      "a length that is none",
      (c) => c.sendRaw(Buffer.from("<html>")),
      () => "the stream of events is not RecordIO: Failed to decode length '<'",
    ],
    [
      "an ERROR event that can't be read",
      (c) => c.sendRaw(Buffer.from("4\n\x08\x07\x42\x7f", "latin1")),
      () => "the master sent an event that can't be read: it is cut off, or its length is wrong",
    ],
    [
      "an event that is cut off in its type",
      (c) => c.sendRaw(Buffer.from("1\n\x08", "latin1")),
      () => "the master sent an event that can't be read: it ends in the middle of a number",
    ],
    ["bytes that are no chunk", (c) => c.write("garbage\r\n"), (host) => `${host} does not speak HTTP`],
  ];
  test.each(ends)("%s", async (_, act, reason) => {
    const subject = links.subject([links.master.url], { maxRecordBytes: 1_000_000 });
    const { connection } = await links.master.subscription();
    await subject.connected();
    act(connection);
    const text = await subject.disconnected();
    expect(text.startsWith(reason(links.master.host)), text).toBe(true);
    expect(subject.told.waiting).toBe(0);
    await connection.ended();
    const again = await links.master.subscription();
    expect(again.body.toString("latin1")).toContain("subscribe 2");
    await subject.connected();
  });

  test("what came before the garbage is still told", async () => {
    const subject = links.subject();
    const { connection } = await links.master.subscription();
    await subject.connected();
    connection.sendRaw(Buffer.concat([record(rescind("a")), Buffer.from("x")]));
    expect(await subject.told.next()).toEqual({ event: "RESCIND" });
    expect(await subject.disconnected()).toContain("not RecordIO");
  });

  test("heartbeats that wait in the socket of a bridge that stood still", async () => {
    const subject = links.subject([links.master.url], { missedHeartbeats: 1 });
    const { connection } = await links.master.subscription({ heartbeatSeconds: 1 });
    await subject.connected();
    connection.heartbeat();
    standStill(1_500);
    for (let i = 0; i < 5; i++) await turn();
    connection.send(rescind("o"));
    expect(await subject.told.next()).toEqual({ event: "RESCIND" });
    expect(subject.attempts).toBe(1);
  });

  test("heartbeats that stop", async () => {
    const subject = links.subject([links.master.url], { missedHeartbeats: 3 });
    const { connection } = await links.master.subscription({ heartbeatSeconds: 1 });
    await subject.connected();
    const started = performance.now();
    const beat = setInterval(() => connection.heartbeat(), 50);
    links.cleanup.defer(() => clearInterval(beat));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(subject.told.waiting).toBe(0);
    clearInterval(beat);
    expect(await subject.disconnected()).toBe(`${links.master.host} was silent for 3000 ms`);
    expect(performance.now() - started).toBeGreaterThan(4_000 - 50);
    await connection.ended();
  });

  test.each([0, -1, 0.001, Number.NaN, Number.POSITIVE_INFINITY, 1e12])(
    "a heartbeat interval of %d s is not believed",
    async (heartbeatSeconds) => {
      const subject = links.subject();
      const { connection } = await links.master.subscription({ heartbeatSeconds });
      await subject.connected();
      await new Promise((resolve) => setTimeout(resolve, 50));
      connection.send(rescind("o"));
      expect(await subject.told.next()).toEqual({ event: "RESCIND" });
    },
  );

  test("a connection of calls that breaks takes the subscription with it", async () => {
    const subject = links.subject();
    const subscribe = await links.master.subscription();
    await subject.connected();
    const outcomes = new Arrivals<CallOutcome>();
    subject.link.send(outgoingCall("call"), (outcome) => outcomes.push(outcome));
    (await links.master.requests.next()).connection.reset();
    expect((await outcomes.next()).kind).toBe("unknown");
    expect(await subject.disconnected()).toMatch(/^the connection for calls broke: /);
    await subscribe.connection.ended();
    await links.master.subscription();
    await subject.connected();
  });

  test("a master that says SUBSCRIBED twice keeps one connection of calls", async () => {
    const subject = links.subject();
    const { connection } = await links.master.subscription();
    await subject.connected();
    const outcomes = new Arrivals<CallOutcome>();
    subject.link.send(outgoingCall("first"), (outcome) => outcomes.push(outcome));
    const first = await links.master.requests.next();
    connection.subscribed();
    await subject.connected();
    expect((await outcomes.next()).kind).toBe("unknown");
    await first.connection.ended();
    subject.link.send(outgoingCall("second"), (outcome) => outcomes.push(outcome));
    (await links.master.requests.next()).connection.answer(202);
    expect(await outcomes.next()).toEqual({ kind: "accepted" });
  });
});

describe("what Mesos refuses", () => {
  test.each([
    ["Framework has been removed", "removed"],
    ["Framework failed over", "failed-over"],
    ["Role 'a b' is invalid", "other"],
    ["Framework has been removed, says a role's name", "other"],
    ["", "other"],
  ] as const)("ERROR '%s' as the first event is told as %s, and not tried again", async (message, cause) => {
    const subject = links.subject();
    const { connection } = await links.master.requests.next();
    connection.openStream();
    connection.error(message);
    connection.endStream();
    expect(await subject.told.next()).toEqual({ refused: message, cause });
    await connection.ended();
    expect(subject.link.connected).toBe(false);
    const outcomes = new Arrivals<CallOutcome>();
    subject.link.send(outgoingCall("x"), (outcome) => outcomes.push(outcome));
    expect(await outcomes.next()).toMatchObject({ kind: "not-sent" });
    await within(subject.link.close(), { timeoutMs: 20_000 });
    expect(subject.told.all).toEqual([{ refused: message, cause }]);
    expect(subject.attempts).toBe(1);
  });

  test("ERROR on a subscription that stood: what came before it is told, what comes after it is not", async () => {
    const subject = links.subject();
    const { connection } = await links.master.subscription();
    await subject.connected();
    connection.send(
      rescind("a"),
      { type: Event_Type.ERROR, error: { message: "Framework failed over" } },
      rescind("b"),
    );
    expect(await subject.told.take(2)).toEqual([
      { event: "RESCIND" },
      { refused: "Framework failed over", cause: "failed-over" },
    ]);
    await connection.ended();
    await subject.link.close();
    expect(subject.told.waiting).toBe(0);
    expect(subject.attempts).toBe(1);
  });
});

test("restart subscribes anew at once, and blames nobody", async () => {
  const other = await links.another();
  const backoff = { initialMs: 60_000, maxMs: 60_000 };
  const subject = links.subject([links.master.url, other.url], { backoff });
  const first = await links.master.subscription();
  await subject.connected();
  subject.link.restart();
  expect(await subject.told.next()).toEqual({ disconnected: "the framework subscribes anew", cause: "restarted" });
  await first.connection.ended();
  expect((await links.master.subscription()).body.toString("latin1")).toContain("subscribe 2");
  await subject.connected();
  expect(other.connections.all).toEqual([]);
});

test("close ends subscription and calls, and tells nothing more", async () => {
  const subject = links.subject();
  const subscribe = await links.master.subscription();
  await subject.connected();
  const outcomes = new Arrivals<CallOutcome>();
  subject.link.send(outgoingCall("call"), (outcome) => outcomes.push(outcome));
  const call = await links.master.requests.next();
  await subject.link.close();
  expect((await outcomes.next()).kind).toBe("unknown");
  await subscribe.connection.ended();
  await call.connection.ended();
  expect(subject.told.waiting).toBe(0);
  expect(links.master.openConnections).toBe(0);
});

describe("waits", () => {
  /** Without chance: each wait is its bound. */
  const backoff = { initialMs: 20, maxMs: 100_000, random: () => 1 };

  test("grow at a master that breaks each subscription when it has begun", async () => {
    links.subject([links.master.url], { backoff });
    const started = performance.now();
    for (let i = 0; i < 6; i++) (await links.master.subscription()).connection.endStream();
    expect(performance.now() - started).toBeGreaterThan(20 + 40 + 80 + 160 + 320 - 5);
  });

  test.each([
    ["that resets each connection", ({ connection }: FakeRequest) => connection.reset()],
    [
      "whose events can't be read",
      ({ connection }: FakeRequest) => connection.sendRaw(Buffer.from("2\n\xff\xff", "latin1")),
    ],
    ["that ends them in the middle of an event", ({ connection }: FakeRequest) => connection.write("garbage")],
  ])("grow at a master %s", async (_, fail) => {
    links.subject([links.master.url], { backoff });
    const started = performance.now();
    for (let i = 0; i < 5; i++) fail(await links.master.subscription());
    expect(performance.now() - started).toBeGreaterThan(20 + 40 + 80 + 160 - 5);
  });

  test("are short again after a subscription that has lived", async () => {
    links.subject([links.master.url], { backoff: { ...backoff, initialMs: 1 }, settledAfterMs: 0 });
    for (let i = 0; i < 10; i++) (await links.master.requests.next()).connection.answer(503);
    // Without a reset these would take 1 and 2 and 4 ... s.
    for (let i = 0; i < 7; i++) (await links.master.subscription()).connection.endStream();
  });
});

describe("a fault of the bridge's own", () => {
  const fault = new Error("a fault");
  const throwing = () => {
    throw fault;
  };

  async function failed(subject: Subject): Promise<void> {
    for (;;) {
      const told = await subject.told.next({ what: "onFault" });
      if ("fault" in told) break;
    }
    await eventually(() => links.master.openConnections === 0, { what: "the end of the link" });
    expect(subject.link.connected).toBe(false);
    await subject.link.close();
    expect(subject.told.all.filter((told) => "fault" in told)).toEqual([{ fault }]);
    expect(subject.told.all.at(-1)).toEqual({ fault });
  }

  test("when it subscribes ends the link, and is told", async () => {
    const subject = links.subject();
    subject.subscribeCall = throwing;
    await failed(subject);
  });

  test.each(["onConnected", "onEvents"] as const)("in %s ends the link, and is told", async (method) => {
    const subject = links.subject();
    subject[method] = throwing;
    await links.master.subscription();
    await failed(subject);
    expect(subject.attempts).toBe(1);
  });

  test("at an answer ends the link, and is told", async () => {
    const subject = links.subject();
    await links.master.subscription();
    await subject.connected();
    subject.link.send(outgoingCall("call"), throwing);
    (await links.master.requests.next()).connection.answer(202);
    await failed(subject);
    expect(subject.attempts).toBe(1);
  });
});
