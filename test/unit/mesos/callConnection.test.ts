import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CallBudget } from "../../../server/mesos/link/callBudget.js";
import { CallConnection, type CallConnectionOptions } from "../../../server/mesos/link/callConnection.js";
import type { CallOutcome, RefusalCause } from "../../../server/mesos/link/callOutcome.js";
import { connectWith } from "../../../server/mesos/link/openSocket.js";
import { systemClock } from "../../../wire/clock.js";
import { Secrets } from "../../../wire/secrets.js";
import { Arrivals } from "../../support/arrivals.js";
import { Cleanup } from "../../support/cleanup.js";
import { FakeMaster, response } from "../../support/fakeMaster.js";
import { watchLeftovers } from "../../support/leftovers.js";
import { outgoingCall } from "../../support/outgoingCall.js";
import { standStill } from "../../support/standStill.js";

let cleanup: Cleanup;
let master: FakeMaster;
let nothingLeft: () => Promise<void>;

beforeEach(async () => {
  cleanup = new Cleanup();
  master = cleanup.use(await FakeMaster.start());
  nothingLeft = watchLeftovers();
});

afterEach(async () => {
  await cleanup.run();
  await nothingLeft();
});

/** A connection whose calls' outcomes are noted by the calls' bodies. */
class Caller {
  readonly connection: CallConnection;
  readonly outcomes = new Map<string, CallOutcome>();
  readonly answered = new Arrivals<string>();
  readonly broken: string[] = [];
  readonly over: string[] = [];
  readonly faults: unknown[] = [];
  failedOver = 0;
  credentialsRefused = 0;

  constructor(options: Partial<CallConnectionOptions> = {}) {
    this.connection = new CallConnection({
      master: master.url,
      streamId: "stream-1",
      authorization: undefined,
      secrets: new Secrets(),
      connect: connectWith(),
      clock: systemClock,
      timeoutMs: 5_000,
      idleMs: 15_000,
      maxPendingCalls: 100,
      maxPendingBytes: 1_000_000,
      budget: new CallBudget(),
      onBroken: (reason) => this.broken.push(reason),
      onSubscriptionOver: ({ message }) => this.over.push(message),
      onFailedOver: () => this.failedOver++,
      onCredentialsRefused: () => this.credentialsRefused++,
      onFault: (error) => this.faults.push(error),
      ...options,
    });
    cleanup.defer(() => {
      this.connection.close("the test is over");
      expect(this.faults).toEqual([]);
    });
  }

  send(...bodies: string[]): void {
    for (const body of bodies) {
      this.connection.send(outgoingCall(body), (outcome) => {
        if (this.outcomes.has(body)) throw new Error(`${body} was answered twice`);
        this.outcomes.set(body, outcome);
        this.answered.push(body);
      });
    }
  }

  kinds(): Record<string, string> {
    return Object.fromEntries([...this.outcomes].map(([body, { kind }]) => [body, kind]));
  }
}

const bodies = (requests: readonly { body: Buffer }[]) => requests.map(({ body }) => body.toString());
const accepted = { kind: "accepted" };
const refused = (status: number, message: string, cause: RefusalCause = "call"): CallOutcome => ({
  kind: "refused",
  cause,
  reason: expect.stringContaining(cause === "not-subscribed" && status === 307 ? "does not lead" : message) as string,
  message,
  metadata: metadataOf(status, cause),
});
/** The status is told where it may be of use to a program. */
const metadataOf = (status: number, cause: RefusalCause): Record<string, string> =>
  cause === "call" || cause === "unauthorized" ? { http_status: `${status}` } : {};
const ACCEPTED = response(202);

test("a call goes out as Mesos wants it", async () => {
  const caller = new Caller({ authorization: "Basic abc", streamId: "stream-7" });
  caller.send("hello");
  const request = await master.requests.next();
  expect(request).toMatchObject({ method: "POST", path: "/api/v1/scheduler" });
  expect(request.body.toString()).toBe("hello");
  expect(Object.fromEntries(request.headers)).toEqual({
    host: master.host,
    "content-type": "application/x-protobuf",
    accept: "application/x-protobuf",
    "mesos-stream-id": "stream-7",
    authorization: "Basic abc",
    "content-length": "5",
  });
});

test("without credentials there is no Authorization", async () => {
  new Caller().send("hello");
  expect((await master.requests.next()).headers.has("authorization")).toBe(false);
});

test("calls leave in their order, without waiting, and are answered in it", async () => {
  const caller = new Caller();
  const names = Array.from({ length: 100 }, (_, i) => `call-${i}`);
  caller.send(...names);
  expect(caller.connection.pendingCalls).toBe(100);
  const requests = await master.requests.take(100);
  expect(bodies(requests)).toEqual(names);
  expect(master.connections.all.length).toBe(1);
  expect(caller.outcomes.size).toBe(0);

  requests[0]?.connection.write(ACCEPTED.repeat(60));
  await caller.answered.take(60);
  expect([...caller.outcomes.keys()]).toEqual(names.slice(0, 60));
  expect(caller.connection.pendingCalls).toBe(40);
  requests[0]?.connection.write(ACCEPTED.repeat(40));
  await caller.answered.take(40);
  expect([...caller.outcomes.values()]).toEqual(names.map(() => accepted));
  expect(caller.connection.pendingCalls).toBe(0);
});

test("calls of one turn leave in one write", async () => {
  const caller = new Caller();
  caller.send("first");
  const { connection } = await master.requests.next();
  const before = connection.reads;
  caller.send(...Array.from({ length: 50 }, (_, i) => `call-${i}`));
  await master.requests.take(50);
  expect(connection.reads - before).toBe(1);
});

test("answers may be cut anywhere", async () => {
  const caller = new Caller();
  caller.send("a", "b", "c");
  const { connection } = await master.requests.next();
  await connection.writeInPieces(Buffer.from(ACCEPTED + response(400, "no, not this") + ACCEPTED), 1);
  await caller.answered.take(3);
  expect(caller.outcomes.get("a")).toEqual(accepted);
  expect(caller.outcomes.get("b")).toEqual(refused(400, "no, not this"));
  expect(caller.outcomes.get("c")).toEqual(accepted);
});

const refusals: [status: number, body: string, message: string, cause: RefusalCause][] = [
  [400, "Framework cannot be found\n", "Framework cannot be found", "not-subscribed"],
  [403, "Framework is not subscribed", "Framework is not subscribed", "not-subscribed"],
  [503, "", "HTTP status 503", "not-subscribed"],
  [501, "x".repeat(5_000), "x".repeat(2_000), "call"],
];
test.each([408, 500, 502, 504])(
  "a %i says nothing of the call: its outcome, and of those behind it, is unknown",
  async (status) => {
    const caller = new Caller();
    caller.send("a", "b", "c");
    (await master.requests.next()).connection.write(ACCEPTED + response(status, "a page") + ACCEPTED);
    await caller.answered.take(3);
    expect(caller.outcomes.get("a")).toEqual(accepted);
    for (const name of ["b", "c"]) {
      expect(caller.outcomes.get(name)).toEqual({
        kind: "unknown",
        message: `a call was answered with HTTP status ${status}`,
      });
    }
    expect(caller.broken).toHaveLength(1);
  },
);

test.each(refusals)("a %i is a refusal with its text", async (status, body, message, cause) => {
  const caller = new Caller();
  caller.send("a", "b");
  (await master.requests.next()).connection.write(response(status, body) + ACCEPTED);
  await caller.answered.take(2);
  expect(caller.outcomes.get("a")).toEqual(refused(status, message, cause));
  expect(caller.outcomes.get("b")).toEqual(accepted);
  expect(caller.broken).toEqual([]);
  expect(caller.over).toEqual(status === 501 ? [] : [message]);
});

/** Serialized calls of which nothing but the type is read. */
const REVIVE = "\x10\x05";
const UPDATE_FRAMEWORK = "\x10\x11";

test.each([
  [202, REVIVE],
  [200, UPDATE_FRAMEWORK],
])("a %i is how Mesos takes a call", async (status, call) => {
  const caller = new Caller();
  caller.send(call);
  (await master.requests.next()).connection.answer(status);
  await caller.answered.next();
  expect(caller.outcomes.get(call)).toEqual(accepted);
});

const PAGE = "<!doctype html><html><head><title>Sign in</title></head><body>Name: ...</body></html>";
const HTML = { "Content-Type": "text/html; charset=utf-8" };
const foreign: [status: number, body: string, headers: Record<string, string>, call: string, told: string][] = [
  [200, PAGE, HTML, REVIVE, " (text/html): Sign in"],
  [200, PAGE, HTML, UPDATE_FRAMEWORK, " (text/html): Sign in"],
  [200, "", {}, REVIVE, ""],
  [200, "", HTML, UPDATE_FRAMEWORK, " (text/html)"],
  [200, "", { "Content-Type": "application/json" }, UPDATE_FRAMEWORK, " (application/json)"],
  [202, PAGE, HTML, REVIVE, " (text/html): Sign in"],
  [202, "", HTML, REVIVE, " (text/html)"],
  [202, "", { "Content-Type": "text/plain" }, REVIVE, " (text/plain)"],
  [202, "Welcome", { "Content-Type": "text/plain" }, REVIVE, " (text/plain): Welcome"],
  [202, "Welcome", {}, REVIVE, ""],
  [202, '{"queued":true}', { "Content-Type": "application/json" }, REVIVE, ' (application/json): {"queued":true}'],
  [202, "", { "content-type": "TEXT/HTML" }, REVIVE, " (text/html)"],
  [201, "", {}, REVIVE, ""],
  [203, "taken?", { "Content-Type": "text/plain" }, REVIVE, " (text/plain): taken?"],
  [204, "", {}, REVIVE, ""],
  [206, "\u0001\u0002", { "Content-Type": "application/octet-stream" }, REVIVE, " (application/octet-stream)"],
  [301, "", { Location: "https://login.example/" }, REVIVE, ""],
  [302, "", { Location: "/login" }, REVIVE, ""],
  [303, "x".repeat(5_000), { "Content-Type": "text/plain" }, REVIVE, ` (text/plain): ${"x".repeat(200)}`],
  [307, "", {}, REVIVE, ""],
  [307, "", { Location: "/login" }, REVIVE, ""],
  [307, "", { Location: "https://login.example/auth?next=x" }, REVIVE, ""],
  [308, "", { Location: "//127.0.0.1:5050/api/v1/scheduler" }, REVIVE, ""],
  [520, "", {}, REVIVE, ""],
];
test.each(foreign)("a %i (%j, %j) to call %j is not an answer of Mesos", async (status, body, headers, call, told) => {
  const caller = new Caller();
  caller.send(call, "behind");
  const { connection } = await master.requests.next();
  connection.write((status === 204 ? "HTTP/1.1 204 No Content\r\n\r\n" : response(status, body, headers)) + ACCEPTED);
  await caller.answered.take(2);
  const message = `a call was answered with HTTP status ${status}${told}`;
  expect(caller.outcomes.get(call)).toEqual({ kind: "unknown", message });
  expect(caller.outcomes.get("behind")).toEqual({ kind: "unknown", message });
  expect(caller.broken).toEqual([message]);
});

test.each([
  ["202", HTML, "unknown"],
  ["202", {}, "accepted"],
  ["204", HTML, "unknown"],
] as const)("a %s with %j whose body is chunked, and empty, is %s", async (status, headers, kind) => {
  const caller = new Caller();
  caller.send(REVIVE);
  const lines = Object.entries({ ...headers, "Transfer-Encoding": "chunked" }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const { connection } = await master.requests.next();
  connection.write(`HTTP/1.1 ${status} Reason\r\n${lines.join("\r\n")}\r\n\r\n0\r\n\r\n`);
  await caller.answered.next();
  expect(caller.kinds()).toEqual({ [REVIVE]: kind });
});

const CLAIMS = "The request's authenticated principal contains claims, but no value string.";
const MISMATCH = "The stream ID 'x' included in this request didn't match the stream ID currently associated with y";
const blamed: [status: number, body: string, headers: Record<string, string>, call: string, cause: RefusalCause][] = [
  [401, "401 Unauthorized.", {}, REVIVE, "unauthorized"],
  [403, CLAIMS, {}, UPDATE_FRAMEWORK, "unauthorized"],
  [403, "Not authorized to register framework", {}, UPDATE_FRAMEWORK, "call"],
  [403, "Not authorized to register framework", {}, REVIVE, "unauthorized"],
  [403, "Not authorized to register framework", HTML, UPDATE_FRAMEWORK, "unauthorized"],
  [403, "Forbidden", {}, UPDATE_FRAMEWORK, "unauthorized"],
  [407, "Proxy Authentication Required", {}, REVIVE, "unauthorized"],
  [400, "Authenticated principal 'a' does not match principal 'b' set in", {}, REVIVE, "unauthorized"],
  [400, MISMATCH, {}, REVIVE, "failed-over"],
  [400, `<html><title>${MISMATCH}</title></html>`, HTML, REVIVE, "call"],
  [403, "Framework is not connected via HTTP", {}, REVIVE, "failed-over"],
  [503, "No leader elected", {}, REVIVE, "not-subscribed"],
  [503, PAGE, HTML, REVIVE, "unreachable"],
  [429, "slow down", {}, REVIVE, "call"],
];
test.each(blamed)("a %i (%j, %j) to call %j is blamed on: %s", async (status, body, headers, call, cause) => {
  const caller = new Caller();
  caller.send(call);
  (await master.requests.next()).connection.answer(status, body, headers);
  await caller.answered.next();
  expect(caller.outcomes.get(call)).toMatchObject({ kind: "refused", cause, metadata: metadataOf(status, cause) });
  expect(caller.failedOver).toBe(cause === "failed-over" ? 1 : 0);
  expect(caller.credentialsRefused).toBe(cause === "unauthorized" ? 1 : 0);
  expect(caller.over).toHaveLength(cause === "not-subscribed" || cause === "unreachable" ? 1 : 0);
});

test("a 307 of a master that does not lead: nothing was taken, and the subscription is over", async () => {
  const caller = new Caller();
  caller.send("a");
  const location = `//${master.host}/api/v1/scheduler`;
  (await master.requests.next()).connection.answer(307, "", { Location: location });
  await caller.answered.next();
  expect(caller.outcomes.get("a")).toEqual(refused(307, "HTTP status 307", "not-subscribed"));
  expect(caller.over).toEqual(["HTTP status 307"]);
});

test("a page in place of a refusal is told in a line, and says nothing of the subscription", async () => {
  const caller = new Caller();
  caller.send("a");
  const page = "<html><body><h1>Framework\ncannot be found</h1>\u0007</body></html>";
  (await master.requests.next()).connection.answer(404, page, HTML);
  await caller.answered.next();
  const message = "HTTP status 404 (text/html): Framework cannot be found";
  expect(caller.outcomes.get("a")).toEqual(refused(404, message));
  expect(caller.over).toEqual([]);
});

test("a peer that switches to another protocol has not answered", async () => {
  const caller = new Caller();
  caller.send("a");
  (await master.requests.next()).connection.write(`HTTP/1.1 101 Switching Protocols\r\n\r\n${ACCEPTED}`);
  await caller.answered.next();
  expect(caller.kinds()).toEqual({ a: "unknown" });
});

test("an answer that waits in the socket of a bridge that stood still came in time", async () => {
  const caller = new Caller({ timeoutMs: 300 });
  caller.send("a", "b");
  const [request] = await master.requests.take(2);
  request?.connection.write(ACCEPTED);
  standStill(600);
  await caller.answered.next();
  request?.connection.write(ACCEPTED);
  await caller.answered.next();
  expect([...caller.outcomes.values()]).toEqual([accepted, accepted]);
});

test("informational answers are passed over", async () => {
  const caller = new Caller();
  caller.send("a");
  (await master.requests.next()).connection.write(`HTTP/1.1 100 Continue\r\n\r\n${ACCEPTED}`);
  await caller.answered.next();
  expect(caller.outcomes.get("a")).toEqual(accepted);
});

test.each([
  ["resets", (connection: { reset(): void }) => connection.reset()],
  ["closes", (connection: { end(): void }) => connection.end()],
] as const)(
  "what the peer answered before it %s is accepted, the rest unknown, and nothing is sent again",
  async (_, end) => {
    const caller = new Caller();
    caller.send("a", "b", "c", "d");
    const [request] = await master.requests.take(4);
    request?.connection.write(ACCEPTED.repeat(2));
    await caller.answered.take(2);
    if (request) end(request.connection);
    await caller.answered.take(2);
    expect(caller.kinds()).toEqual({ a: "accepted", b: "accepted", c: "unknown", d: "unknown" });
    expect(caller.broken.length).toBe(1);
    expect(caller.outcomes.get("c")).toEqual({ kind: "unknown", message: caller.broken[0] });

    caller.send("e");
    const next = await master.requests.next();
    next.connection.answer(202);
    await caller.answered.next();
    expect(caller.outcomes.get("e")).toEqual(accepted);
    expect(bodies(master.requests.all)).toEqual(["a", "b", "c", "d", "e"]);
    expect(master.connections.all.length).toBe(2);
  },
);

test("half an answer is no answer", async () => {
  const caller = new Caller();
  caller.send("a");
  const { connection } = await master.requests.next();
  connection.write(ACCEPTED.slice(0, -1));
  connection.end();
  await caller.answered.next();
  expect(caller.kinds()).toEqual({ a: "unknown" });
});

test("after an answer that says close, the next call opens another connection", async () => {
  const caller = new Caller();
  caller.send("a");
  (await master.requests.next()).connection.answer(202, "", { Connection: "close" });
  await caller.answered.next();
  expect(caller.broken).toEqual([]);
  caller.send("b");
  (await master.requests.next()).connection.answer(202);
  await caller.answered.next();
  expect(caller.kinds()).toEqual({ a: "accepted", b: "accepted" });
  expect(master.connections.all.length).toBe(2);
});

test("calls behind an answer that says close are unknown, also when more answers follow it", async () => {
  const caller = new Caller();
  caller.connection.send(outgoingCall("a"), () => caller.send("next"));
  caller.send("b", "c");
  const [request] = await master.requests.take(3);
  request?.connection.write(response(202, "", { Connection: "close" }) + ACCEPTED + ACCEPTED);
  await caller.answered.take(2);
  expect(caller.kinds()).toEqual({ b: "unknown", c: "unknown" });
  const next = await master.requests.next();
  expect(next.body.toString()).toBe("next");
  next.connection.answer(202);
  await caller.answered.next();
  expect(caller.kinds()).toEqual({ b: "unknown", c: "unknown", next: "accepted" });
  expect(caller.broken.length).toBe(1);
});

test("an idle connection that the peer closes is nothing to tell", async () => {
  const caller = new Caller();
  caller.send("a");
  const { connection } = await master.requests.next();
  connection.answer(202);
  await caller.answered.next();
  connection.end();
  await connection.ended();
  // Also this side has seen the end by now: its own end is what ended the connection.
  caller.send("b");
  (await master.requests.next()).connection.answer(202);
  await caller.answered.next();
  expect(caller.kinds()).toEqual({ a: "accepted", b: "accepted" });
  expect(caller.broken).toEqual([]);
});

test.each([
  ["garbage", "garbage\r\n", "the peer does not speak HTTP"],
  ["an answer of no length", "HTTP/1.1 200 OK\r\n\r\n", "an answer without Content-Length"],
  [
    "a body of hostile length",
    "HTTP/1.1 400 No\r\nContent-Length: 99999999999\r\n\r\n",
    "an answer of over 1048576 bytes",
  ],
])("%s makes the outcome unknown and drops the connection", async (_, answer, reason) => {
  const caller = new Caller();
  caller.send("a", "b");
  const { connection } = await master.requests.next();
  connection.write(ACCEPTED + answer);
  await caller.answered.take(2);
  expect(caller.kinds()).toEqual({ a: "accepted", b: "unknown" });
  expect(caller.broken).toEqual([reason]);
  await connection.ended();
});

test("an answer too many drops the connection", async () => {
  const caller = new Caller();
  caller.send("a");
  const { connection } = await master.requests.next();
  connection.write(ACCEPTED + ACCEPTED);
  await caller.answered.next();
  await connection.ended();
  expect(caller.kinds()).toEqual({ a: "accepted" });
  expect(caller.broken).toEqual([]);
});

test("without an answer in time the calls are unknown", async () => {
  const caller = new Caller({ timeoutMs: 60 });
  caller.send("a", "b");
  const { connection } = await master.requests.next();
  await caller.answered.take(2);
  expect([...caller.outcomes.values()]).toEqual([
    { kind: "unknown", message: "the master did not answer within 60 ms" },
    { kind: "unknown", message: "the master did not answer within 60 ms" },
  ]);
  expect(caller.broken).toEqual(["the master did not answer within 60 ms"]);
  await connection.ended();
});

test("answers that come one by one are in time, however many there are", async () => {
  const caller = new Caller({ timeoutMs: 1_000 });
  caller.send("a", "b", "c", "d", "e", "f");
  const { connection } = await master.requests.next();
  const started = performance.now();
  while (caller.answered.all.length < 6) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    connection.answer(202);
    await caller.answered.next();
  }
  expect(performance.now() - started).toBeGreaterThan(1_000);
  expect([...caller.outcomes.values()].every(({ kind }) => kind === "accepted")).toBe(true);
});

test("bytes that make no answer are no reason to wait longer", async () => {
  const caller = new Caller({ timeoutMs: 200 });
  caller.send("a");
  const { connection } = await master.requests.next();
  const started = performance.now();
  connection.write("HTTP/1.1 202 Accepted\r\n");
  const dribble = setInterval(() => connection.write("X: y\r\n"), 20);
  cleanup.defer(() => clearInterval(dribble));
  await caller.answered.next({ timeoutMs: 5_000 });
  clearInterval(dribble);
  expect(performance.now() - started).toBeLessThan(4_000);
  expect(caller.kinds()).toEqual({ a: "unknown" });
});

test("after the time an idle connection stays", async () => {
  const caller = new Caller({ timeoutMs: 500 });
  caller.send("a");
  const { connection } = await master.requests.next();
  connection.answer(202);
  await caller.answered.next();
  await new Promise((resolve) => setTimeout(resolve, 700));
  caller.send("b");
  await master.requests.next();
  connection.answer(202);
  await caller.answered.next();
  expect(master.connections.all.length).toBe(1);
});

test("too many calls are refused at once, and later ones taken again", async () => {
  const caller = new Caller({ maxPendingCalls: 3 });
  caller.send("a", "b", "c", "d");
  expect(caller.outcomes.get("d")).toEqual({ kind: "too-many", message: "3 calls wait for the master's answer" });
  const [request] = await master.requests.take(3);
  request?.connection.write(ACCEPTED);
  await caller.answered.take(2);
  caller.send("e", "f");
  expect(caller.kinds()).toEqual({ a: "accepted", d: "too-many", f: "too-many" });
  await master.requests.next();
  request?.connection.write(ACCEPTED.repeat(3));
  await caller.answered.take(4);
  expect(bodies(master.requests.all)).toEqual(["a", "b", "c", "e"]);
});

test("too many bytes are refused at once, but never a call alone", async () => {
  const caller = new Caller({ maxPendingBytes: 10 });
  const large = "x".repeat(30);
  caller.send(large, "b");
  expect(caller.kinds()).toEqual({ b: "too-many" });
  const { connection } = await master.requests.next();
  connection.answer(202);
  await caller.answered.take(2);
  caller.send("c".repeat(6), "d".repeat(4), "e");
  expect(caller.outcomes.get("e")?.kind).toBe("too-many");
  await master.requests.take(2);
  connection.write(ACCEPTED.repeat(2));
  await caller.answered.take(3);
  expect(caller.outcomes.get("dddd")).toEqual(accepted);
});

test("where nothing listens, nothing was sent", async () => {
  await master.stop();
  const caller = new Caller();
  caller.send("a", "b");
  await caller.answered.take(2);
  expect(caller.kinds()).toEqual({ a: "not-sent", b: "not-sent" });
  expect(caller.broken.length).toBe(1);
  expect(caller.broken[0]).toMatch(/nothing listens/);
});

test("a connection that does not come about in time: nothing was sent", async () => {
  // TCP connects, TLS never answers.
  const caller = new Caller({ master: new URL(`https://${master.host}`), timeoutMs: 60 });
  caller.send("a");
  await caller.answered.next();
  expect(caller.outcomes.get("a")).toEqual({ kind: "not-sent", message: "the master did not answer within 60 ms" });
  await (await master.connections.next()).ended();
});

test("close tells the calls that wait, and no call is taken after it", async () => {
  const caller = new Caller();
  caller.send("a");
  const { connection } = await master.requests.next();
  caller.connection.close("it is over");
  caller.send("b");
  expect(Object.fromEntries(caller.outcomes)).toEqual({
    a: { kind: "unknown", message: "it is over" },
    b: { kind: "not-sent", message: "it is over" },
  });
  await connection.ended();
  expect(caller.broken).toEqual([]);
  caller.connection.close("again");
  await turn();
  expect(master.connections.all.length).toBe(1);
});

test("close before the connection stands: nothing was sent", async () => {
  const caller = new Caller();
  caller.send("a");
  caller.connection.close("it is over");
  expect(caller.kinds()).toEqual({ a: "not-sent" });
});

test("close from within an answer", async () => {
  const caller = new Caller();
  caller.connection.send(outgoingCall("a"), () => caller.connection.close("enough"));
  caller.send("b");
  const [request] = await master.requests.take(2);
  request?.connection.write(ACCEPTED.repeat(2));
  await caller.answered.next();
  expect(caller.kinds()).toEqual({ b: "unknown" });
  await request?.connection.ended();
});

test("a call from within an answer follows on the same connection", async () => {
  const caller = new Caller();
  caller.connection.send(outgoingCall("a"), () => caller.send("b"));
  const { connection } = await master.requests.next();
  connection.answer(202);
  await master.requests.next();
  connection.answer(202);
  await caller.answered.next();
  expect(bodies(master.requests.all)).toEqual(["a", "b"]);
  expect(master.connections.all.length).toBe(1);
});

test("a large call arrives whole", async () => {
  const caller = new Caller({ maxPendingBytes: 64 * 1024 * 1024 });
  const large = "y".repeat(4 * 1024 * 1024);
  caller.send(large);
  const request = await master.requests.next();
  expect(request.body.length).toBe(large.length);
  request.connection.answer(202);
  await caller.answered.next();
  expect(caller.outcomes.get(large)).toEqual(accepted);
});

test("a fault at one answer says nothing about the others", async () => {
  const caller = new Caller();
  const fault = new Error("a fault");
  caller.send("first");
  caller.connection.send(outgoingCall("faulty"), () => {
    throw fault;
  });
  caller.send("last");
  const { connection } = await master.requests.next();
  await master.requests.take(2);
  connection.write(response(202) + response(202) + response(202));
  await caller.answered.take(2);
  expect(caller.kinds()).toEqual({ first: "accepted", last: "accepted" });
  expect(caller.broken).toEqual([]);
  expect(caller.faults.splice(0)).toEqual([fault]);
});

test("a fault at one call of a connection that breaks says nothing about the others", async () => {
  const caller = new Caller();
  const fault = new Error("a fault");
  caller.connection.send(outgoingCall("faulty"), () => {
    throw fault;
  });
  caller.send("last");
  (await master.requests.take(2))[0]?.connection.reset();
  await caller.answered.next();
  expect(caller.kinds()).toEqual({ last: "unknown" });
  expect(caller.faults.splice(0)).toEqual([fault]);
});

test("a call that is refused for its stream id means that somebody else has subscribed", async () => {
  const caller = new Caller();
  caller.send("call");
  const text =
    "The stream ID 'x' included in this request didn't match the stream ID currently associated with framework ID y";
  (await master.requests.next()).connection.answer(400, text);
  await caller.answered.next();
  expect(caller.kinds()).toEqual({ call: "refused" });
  expect([caller.failedOver, caller.over]).toEqual([1, []]);
});

test("connections that share a budget share it, and give back what was answered or broke", async () => {
  const budget = new CallBudget(10);
  const one = new Caller({ budget });
  const other = new Caller({ budget });
  one.send("123456");
  other.send("1", "abcdef");
  expect(other.kinds()).toEqual({ abcdef: "too-many" });
  const [first, second] = await master.requests.take(2);
  (first?.body.length === 6 ? first : second)?.connection.answer(202);
  await one.answered.next();
  other.send("ABCDEF", "more");
  expect(other.kinds()).toEqual({ abcdef: "too-many", more: "too-many" });
  other.connection.close("the test goes on");
  await other.answered.take(4);
  expect(budget.fits(10)).toBe(true);
});

describe("a connection that was idle for long", () => {
  const idle = () => new Promise((resolve) => setTimeout(resolve, 150));

  test("is replaced before it is used, and the calls keep their order", async () => {
    const caller = new Caller({ idleMs: 100 });
    caller.send("a");
    const first = await master.requests.next();
    first.connection.write(ACCEPTED);
    await caller.answered.next();
    await idle();
    caller.send("b", "c", "d");
    const rest = await master.requests.take(3);
    expect(bodies(rest)).toEqual(["b", "c", "d"]);
    expect(new Set(rest.map(({ connection }) => connection)).size).toBe(1);
    expect(rest[0]?.connection).not.toBe(first.connection);
    await first.connection.ended();
    rest[0]?.connection.write(ACCEPTED.repeat(3));
    await caller.answered.take(3);
    expect(Object.values(caller.kinds())).toEqual(Array(4).fill("accepted"));
    expect(caller.broken).toEqual([]);
  });

  test("is kept while a call waits for its answer, and used again soon after that", async () => {
    const caller = new Caller({ idleMs: 100 });
    caller.send("a");
    const { connection } = await master.requests.next();
    await idle();
    caller.send("b");
    await master.requests.next();
    connection.write(ACCEPTED.repeat(2));
    await caller.answered.take(2);
    caller.send("c");
    expect((await master.requests.next()).connection).toBe(connection);
    expect(master.connections.all).toHaveLength(1);
  });

  test("whose master is gone meanwhile: the call was not sent, and that is said", async () => {
    const caller = new Caller({ idleMs: 100 });
    caller.send("a");
    (await master.requests.next()).connection.write(ACCEPTED);
    await caller.answered.next();
    await idle();
    await master.stop();
    caller.send("b");
    await caller.answered.next();
    expect(caller.outcomes.get("b")).toEqual({ kind: "not-sent", message: `nothing listens at ${master.host}` });
  });
});
