import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { buildCall, type CallMessage, CallType, idMessage } from "../../../server/mesos/messages/calls.js";
import type { AttachRequest } from "../../../server/session/attachRequest.js";
import { MAX_CONTENT_BYTES } from "../../../server/session/contentLimits.js";
import type { Cookies } from "../../../server/session/cookies.js";
import type { Changes } from "../../../server/session/frameworkStore.js";
import type { CallAnswer } from "../../../server/session/requestMemory.js";
import type { SessionEvent } from "../../../server/session/sessionEvent.js";
import type { SessionManager } from "../../../server/session/sessionManager.js";
import { lengthDelimited, messageField, varintField } from "../../../wire/proto.js";
import type { AnsweringMaster, FakeSubscription } from "../../support/answeringMaster.js";
import { Arrivals } from "../../support/arrivals.js";
import { Cleanup } from "../../support/cleanup.js";
import { type Deferred, deferred, eventually } from "../../support/eventually.js";
import { uuid } from "../../support/scheduler.js";
import { ForwardingStore } from "./forwardingStore.js";
import { attachRequest } from "./samples.js";
import { startSessions } from "./startSessions.js";

const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };

/** A store on a disk that may be slow or full, which counts what was asked of it. */
class Disk extends ForwardingStore {
  /** Until it settles, no commit is done. */
  held: Deferred<void> | undefined;
  full = false;
  readonly commits = new Arrivals<"commit" | "undo">();

  override async commit(frameworkName: string, changes: Changes): Promise<void> {
    if (this.full) throw new Error("ENOSPC: no space left on device");
    await this.inner.commit(frameworkName, changes);
    this.commits.push("commit");
    await this.held?.promise;
  }

  override async commitInTime(frameworkName: string, changes: Changes): Promise<void> {
    await this.inner.commitInTime(frameworkName, changes);
    this.commits.push("undo");
    await this.held?.promise;
  }
}

let cleanup: Cleanup;
let disk: Disk;
let sessions: SessionManager;
let master: AnsweringMaster;
let subscription: FakeSubscription;
beforeEach(async () => {
  cleanup = new Cleanup();
  ({ sessions, master } = await startSessions(cleanup, log, (inner) => {
    disk = new Disk(inner);
    return disk;
  }));
});
afterEach(() => cleanup.run());

async function attach(more: Partial<AttachRequest> = {}) {
  const events: SessionEvent[] = [];
  const attached = await sessions.attach(attachRequest("name", more), { wake: silent, end: silent });
  const { session, attachment } = attached;
  const read = () => events.push(...attachment.read(Number.MAX_SAFE_INTEGER));
  read();
  const answers = new Arrivals<CallAnswer>();
  const call = (message: CallMessage, cookies?: Cookies) =>
    session.call(attachment.id, "", message, (answer) => answers.push(answer), cookies && { cookies });
  return { session, attachment, events, read, answers, call };
}

/** A client that was offered "o1" and "o2". */
async function offered() {
  const client = await attach();
  subscription = await master.subscriptions.next();
  const offers = ["o1", "o2"].map((id) => ({ id: { value: id }, hostname: "h" }));
  subscription.send({ type: Event_Type.OFFERS, offers: { offers } });
  await eventually(() => client.session.state.offers.size === 2);
  return client;
}

type Client = Awaited<ReturnType<typeof attach>>;

function launch(offerId: string, ...taskIds: string[]): CallMessage {
  const tasks = taskIds.map((id) => messageField(1, [lengthDelimited(2, idMessage(id)), lengthDelimited(3, AGENT)]));
  const operation = messageField(2, [varintField(1, 1), messageField(2, tasks)]);
  return buildCall(CallType.ACCEPT, [lengthDelimited(1, idMessage(offerId)), operation]);
}

const AGENT = idMessage("a");
const cookiesOf = (cookies: Record<string, string>): Cookies =>
  new Map(Object.entries(cookies).map(([id, cookie]) => [id, Buffer.from(cookie)]));

/** What the snapshot of a client that attaches now says of tasks. */
async function tasksOfNext(): Promise<{ id: string; cookie: string; unconfirmed: boolean; reported: boolean }[]> {
  const { events } = await attach();
  return events
    .flatMap(({ body }) => (body.kind === "tasks" ? body.tasks : []))
    .map((task) => ({
      id: Buffer.from(task.taskIdBytes).subarray(2).toString(),
      cookie: Buffer.from(task.cookie).toString(),
      unconfirmed: task.unconfirmed,
      reported: task.status !== undefined,
    }));
}

async function update({ session }: Client, taskId: string, state: number): Promise<void> {
  const known = session.state.log.lastSequence;
  const status = { taskId: { value: taskId }, agentId: { value: "a" }, state, uuid: uuid() };
  subscription.send({ type: Event_Type.UPDATE, update: { status } });
  await eventually(() => session.state.log.lastSequence > known);
}

/** Acknowledges what the client was told of. */
async function acknowledgeAll({ session, attachment, events, read, answers }: Client): Promise<void> {
  read();
  const tokens = events.flatMap(({ ackToken }) => (ackToken === "" ? [] : [ackToken]));
  expect(tokens.length).toBeGreaterThan(0);
  session.acknowledge(attachment.id, "", tokens, (answer) => answers.push(answer));
  expect(await answers.next()).toEqual({ error: undefined, gone: 0 });
}

const storedIds = () => disk.tasks("name").map(({ taskId }) => taskId);

describe("a launch with cookies", () => {
  test("is on the disk before Mesos hears of it", async () => {
    const client = await offered();
    disk.held = deferred();
    client.call(launch("o1", "t1", "t2"), cookiesOf({ t1: "one" }));
    await disk.commits.next();
    expect(master.calls.all).toEqual([]);
    expect(disk.tasks("name")).toEqual([
      { taskId: "t1", agentId: "a", cookie: Buffer.from("one") },
      { taskId: "t2", agentId: "a" },
    ]);
    disk.held.resolve();
    await master.call("ACCEPT");
    expect((await client.answers.next()).error).toBeUndefined();
    expect(await tasksOfNext()).toEqual([
      { id: "t1", cookie: "one", unconfirmed: false, reported: false },
      { id: "t2", cookie: "", unconfirmed: false, reported: false },
    ]);
  });

  test("holds up the calls that come later, and these keep their order", async () => {
    const client = await offered();
    disk.held = deferred();
    client.call(launch("o1", "t1"), cookiesOf({ t1: "one" }));
    client.call(buildCall(CallType.REVIVE));
    client.call(launch("o2", "t2"), cookiesOf({ t2: "two" }));
    client.call(buildCall(CallType.SUPPRESS));
    await disk.commits.next();
    disk.held.resolve();
    await client.answers.take(4);
    expect(master.calls.all.map((request) => request.call().type)).toEqual([
      CallType.ACCEPT,
      CallType.REVIVE,
      CallType.ACCEPT,
      CallType.SUPPRESS,
    ]);
  });

  test("is not sent if an offer goes while it is written, and leaves nothing", async () => {
    const client = await offered();
    disk.held = deferred();
    client.call(launch("o1", "t1"), cookiesOf({ t1: "one" }));
    await disk.commits.next();
    subscription.send({ type: Event_Type.RESCIND, rescind: { offerId: { value: "o1" } } });
    await eventually(() => !client.session.state.offers.has("o1"));
    disk.held.resolve();
    expect((await client.answers.next()).error?.reason).toBe("OFFER_GONE");
    expect([master.calls.all, storedIds(), await tasksOfNext()]).toEqual([[], [], []]);
  });

  test("is not sent once another client is active, and neither are the calls behind it", async () => {
    const client = await offered();
    disk.held = deferred();
    client.call(launch("o1", "t1"), cookiesOf({ t1: "one" }));
    client.call(buildCall(CallType.REVIVE));
    await disk.commits.next();
    expect(await tasksOfNext()).toEqual([]);
    disk.held.resolve();
    const reasons = (await client.answers.take(2)).map(({ error }) => error?.reason);
    expect(reasons).toEqual(["ATTACHMENT_SUPERSEDED", "ATTACHMENT_SUPERSEDED"]);
    expect([master.calls.all, storedIds()]).toEqual([[], []]);
  });

  test("is made for a retry of its client, which has attached again meanwhile", async () => {
    const client = await offered();
    disk.held = deferred();
    const answers = new Arrivals<CallAnswer>();
    const call = ({ session, attachment }: Client) =>
      session.call(attachment.id, "request", launch("o1", "t1"), (answer) => answers.push(answer), {
        cookies: cookiesOf({ t1: "one" }),
      });
    call(client);
    await disk.commits.next();
    call(await attach());
    disk.held.resolve();
    const [first, second] = await answers.take(2);
    expect([first?.error?.reason, second?.error]).toEqual(["ATTACHMENT_SUPERSEDED", undefined]);
    expect(master.calls.all.length).toBe(1);
    expect(await tasksOfNext()).toEqual([{ id: "t1", cookie: "one", unconfirmed: false, reported: false }]);
  });

  test("is not sent if the disk is full", async () => {
    const client = await offered();
    disk.full = true;
    client.call(launch("o1", "t1"), cookiesOf({ t1: "one" }));
    expect((await client.answers.next()).error).toMatchObject({ reason: "STORE_UNAVAILABLE", retryable: true });
    expect([master.calls.all, await tasksOfNext()]).toEqual([[], []]);
    disk.full = false;
    const again = await attach();
    again.call(launch("o1", "t1"), cookiesOf({ t1: "one" }));
    expect((await again.answers.next()).error).toBeUndefined();
  });

  test("that Mesos refuses is gone from the disk before the client is told", async () => {
    const client = await offered();
    master.answerCallsWith({ status: 400, body: "no" });
    client.call(launch("o1", "t1"), cookiesOf({ t1: "one" }));
    expect(await disk.commits.next()).toBe("commit");
    disk.held = deferred();
    expect(await disk.commits.next()).toBe("undo");
    expect([client.answers.all, storedIds()]).toEqual([[], []]);
    disk.held.resolve();
    expect((await client.answers.next()).error?.reason).toBe("CALL_REFUSED");
    expect(await tasksOfNext()).toEqual([]);
  });

  test("without an answer of Mesos is unconfirmed, until Mesos says what became of it", async () => {
    const client = await offered();
    master.answerCalls(false);
    client.call(launch("o1", "t1"), cookiesOf({ t1: "one" }));
    const { connection } = await master.call("ACCEPT");
    expect(await tasksOfNext()).toEqual([{ id: "t1", cookie: "one", unconfirmed: true, reported: false }]);
    master.answerCalls(true);
    connection.reset();
    expect((await client.answers.next()).error?.reason).toBe("OUTCOME_UNKNOWN");
    subscription = await master.subscriptions.next();
    const asked = (await master.call("RECONCILE")).call().reconcile?.tasks.map(({ taskId }) => taskId?.value);
    expect(asked).toEqual(["t1"]);
    await update(client, "t1", 1);
    expect(await tasksOfNext()).toEqual([{ id: "t1", cookie: "one", unconfirmed: false, reported: true }]);
  });

  test("that Mesos refuses when the next client knows of it already is asked about", async () => {
    const client = await offered();
    master.answerCalls(false);
    client.call(launch("o1", "t1"), cookiesOf({ t1: "one" }));
    const { connection } = await master.call("ACCEPT");
    expect(await tasksOfNext()).toEqual([{ id: "t1", cookie: "one", unconfirmed: true, reported: false }]);
    connection.answer(400, "no");
    expect((await client.answers.next()).error?.reason).toBe("CALL_REFUSED");
    const asked = (await master.call("RECONCILE")).call().reconcile?.tasks.map(({ taskId }) => taskId?.value);
    expect(asked).toEqual(["t1"]);
  });

  test("must give cookies to its own tasks", async () => {
    const client = await offered();
    expect(() => client.call(launch("o1", "t1"), cookiesOf({ t2: "two" }))).toThrow(
      'cookies["t2"] must belong to a task that this call launches',
    );
    expect([client.session.state.offers.size, master.calls.all]).toEqual([2, []]);
  });

  test("is refused if the framework's tasks would have too many bytes of cookies, until some are forgotten", async () => {
    const client = await offered();
    const large = new Map([["t1", Buffer.alloc(MAX_CONTENT_BYTES.framework)]]);
    client.call(launch("o1", "t1"), large);
    expect((await client.answers.next()).error).toBeUndefined();
    expect(() => client.call(launch("o2", "t2"), cookiesOf({ t2: "2" }))).toThrow("may have 64 MiB");
    await update(client, "t1", 2);
    await acknowledgeAll(client);
    client.call(launch("o2", "t2"), cookiesOf({ t2: "2" }));
    expect((await client.answers.next()).error).toBeUndefined();
  });
});

test("a task that has ended is in the snapshot, with its cookie, until its end is acknowledged", async () => {
  const client = await offered();
  client.call(launch("o1", "t1"), cookiesOf({ t1: "one" }));
  await client.answers.next();
  await update(client, "t1", 2);
  expect(await tasksOfNext()).toEqual([{ id: "t1", cookie: "one", unconfirmed: false, reported: true }]);
  const next = await attach();
  await acknowledgeAll(next);
  expect([await tasksOfNext(), storedIds()]).toEqual([[], []]);
});

test("tasks without cookies are in the snapshot too", async () => {
  const client = await offered();
  client.call(launch("o1", "t1"));
  await client.answers.next();
  expect(disk.commits.all).toEqual([]);
  expect(await tasksOfNext()).toEqual([{ id: "t1", cookie: "", unconfirmed: false, reported: false }]);
});

test("at most 1,000 calls wait behind a launch, and the next is turned away", async () => {
  const client = await offered();
  disk.held = deferred();
  client.call(launch("o1", "t1"), cookiesOf({ t1: "one" }));
  await disk.commits.next();
  for (let i = 0; i < 1_001; i++) client.call(buildCall(CallType.REVIVE));
  expect((await client.answers.next()).error?.reason).toBe("TOO_MANY_CALLS");
  disk.held.resolve();
  const answers = await client.answers.take(1_001);
  expect(answers.filter(({ error }) => error)).toEqual([]);
});
