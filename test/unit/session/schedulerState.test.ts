import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { buildCall, type CallMessage, CallType, idMessage } from "../../../server/mesos/messages/calls.js";
import type { AttachRequest } from "../../../server/session/attachRequest.js";
import { MAX_CONTENT_BYTES, MAX_STATE_KEYS } from "../../../server/session/contentLimits.js";
import type { Changes } from "../../../server/session/frameworkStore.js";
import type { CallAnswer } from "../../../server/session/requestMemory.js";
import type { StateChange } from "../../../server/session/schedulerState.js";
import type { SessionManager } from "../../../server/session/sessionManager.js";
import { lengthDelimited, messageField, varintField } from "../../../wire/proto.js";
import type { AnsweringMaster, FakeSubscription } from "../../support/answeringMaster.js";
import { Arrivals } from "../../support/arrivals.js";
import { Cleanup } from "../../support/cleanup.js";
import { type Deferred, deferred, eventually } from "../../support/eventually.js";
import { ForwardingStore } from "./forwardingStore.js";
import { attachRequest } from "./samples.js";
import { startSessions } from "./startSessions.js";

const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };

/** A store on a disk that may be slow or full. */
class Disk extends ForwardingStore {
  /** Until it settles, no commit is done. */
  held: Deferred<void> | undefined;
  full = false;
  /** Nothing can be taken away for now. */
  keepsAll = false;
  readonly commits = new Arrivals<Changes>();

  override async commit(frameworkName: string, changes: Changes): Promise<void> {
    if (this.full) throw new Error("ENOSPC: no space left on device");
    await this.inner.commit(frameworkName, changes);
    this.commits.push(changes);
    await this.held?.promise;
  }

  override async commitInTime(frameworkName: string, changes: Changes): Promise<void> {
    await this.inner.commitInTime(frameworkName, changes);
    this.commits.push(changes);
    await this.held?.promise;
    if (this.full) throw new Error("ENOSPC: no space left on device");
  }

  override async remove(frameworkName: string): Promise<void> {
    if (this.keepsAll) throw new Error("ENOSPC: no space left on device");
    await this.inner.remove(frameworkName);
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
  const attached = await sessions.attach(attachRequest("name", more), { wake: silent, end: silent });
  const { session, attachment } = attached;
  const answers = new Arrivals<CallAnswer>();
  const done = (answer: CallAnswer) => answers.push(answer);
  const reads = new Arrivals<string | undefined>();
  return {
    session,
    attachment,
    answers,
    /** What was read, in order. */
    reads,
    change: (changes: readonly StateChange[], requestId = "") =>
      session.changeState(attachment.id, requestId, changes, done),
    read: (key: string) => session.readState(attachment.id, [key], (state) => reads.push(shown(state.find(key))), done),
    list: () =>
      session.readState(attachment.id, "all", (state) => reads.push([...state.keys()].sort().join(",")), done),
    launch: (offerId: string, taskId: string, state: readonly StateChange[]) =>
      session.call(attachment.id, "", launch(offerId, taskId), done, { state }),
  };
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

function launch(offerId: string, taskId: string): CallMessage {
  const task = messageField(1, [lengthDelimited(2, idMessage(taskId)), lengthDelimited(3, idMessage("a"))]);
  const operation = messageField(2, [varintField(1, 1), messageField(2, [task])]);
  return buildCall(CallType.ACCEPT, [lengthDelimited(1, idMessage(offerId)), operation]);
}

function put(key: string, value: string | Buffer, ifVersion?: number): StateChange {
  return { key, value: Buffer.from(value as string), ifVersion, field: "if_version" };
}

function removal(key: string, ifVersion?: number): StateChange {
  return { key, value: undefined, ifVersion, field: "if_version" };
}

function shown(entry: { value: Uint8Array; version: number } | undefined): string | undefined {
  return entry && `${Buffer.from(entry.value)} ${entry.version}`;
}

const stored = (key: string) => shown(disk.state("name").find(key));
const taken = (stateVersion: number) => ({ error: undefined, gone: 0, stateVersion });

describe("the state of a scheduler", () => {
  test("is on the disk when the client is answered, and is read by the next client", async () => {
    const client = await attach();
    disk.held = deferred();
    client.change([put("a", "one")]);
    await disk.commits.next();
    expect(client.answers.all).toEqual([]);
    disk.held.resolve();
    expect(await client.answers.next()).toEqual(taken(1));
    const next = await attach();
    next.read("a");
    next.read("b");
    expect(await next.reads.take(2)).toEqual(["one 1", undefined]);
  });

  test("gets a new version with each write, and none twice, even if keys go", async () => {
    const client = await attach();
    client.change([put("a", "one")]);
    client.change([removal("a")]);
    client.change([put("a", "two")]);
    client.change([put("b", "three")]);
    expect(await client.answers.take(4)).toEqual([taken(1), taken(0), taken(2), taken(3)]);
  });

  test("is not changed if a key has another version than the client expects", async () => {
    const client = await attach();
    client.change([put("a", "one", 0)]);
    await client.answers.next();
    const wrong = [put("a", "two", 0), put("a", "two", 2), removal("a", 7), removal("b", 1)];
    for (const change of wrong) {
      expect(() => client.change([put("c", "three"), change])).toThrow(
        expect.objectContaining({ reason: "STATE_CHANGED", retryable: false }),
      );
    }
    expect(() => client.change([put("a", "two", 2)])).toThrow(
      "nothing was changed: the key 'a' has version 1, and by if_version it must have version 2: read it again",
    );
    client.list();
    expect(await client.reads.next()).toBe("a");
    client.change([put("a", "two", 1), put("b", "new", 0)]);
    expect(await client.answers.take(2)).toEqual([{ error: undefined, gone: 0 }, taken(2)]);
  });

  test("is read once what changes it is on the disk, and so are the calls behind it", async () => {
    const client = await attach();
    disk.held = deferred();
    client.change([put("a", "one")]);
    client.read("b");
    expect(client.reads.all).toEqual([undefined]);
    client.read("a");
    client.read("b");
    client.list();
    client.change([put("a", "two", 1)]);
    expect(client.reads.all.length).toBe(1);
    disk.held.resolve();
    expect(await client.reads.take(4)).toEqual([undefined, "one 1", undefined, "a"]);
    await client.answers.take(6);
    expect(stored("a")).toBe("two 2");
  });

  test("has changes of several keys under way at a time", async () => {
    const client = await attach();
    disk.held = deferred();
    client.change([put("a", "one")]);
    client.change([put("b", "two")]);
    await disk.commits.take(2);
    disk.held.resolve();
    expect(await client.answers.take(2)).toEqual([taken(1), taken(2)]);
  });

  test("is not read by a client that is superseded while it waits", async () => {
    const client = await attach();
    disk.held = deferred();
    client.change([put("a", "one")]);
    client.read("a");
    const next = await attach();
    next.read("a");
    disk.held.resolve();
    const [first, second] = await client.answers.take(2);
    expect([first?.error, second?.error?.reason]).toEqual([undefined, "ATTACHMENT_SUPERSEDED"]);
    expect([client.reads.all, await next.reads.next()]).toEqual([[], "one 1"]);
  });

  test("is refused to a client that was superseded, and stays", async () => {
    const client = await attach();
    await attach();
    client.change([put("a", "one")]);
    client.read("a");
    const reasons = (await client.answers.take(2)).map(({ error }) => error?.reason);
    expect([reasons, stored("a")]).toEqual([["ATTACHMENT_SUPERSEDED", "ATTACHMENT_SUPERSEDED"], undefined]);
  });

  test("is as it was if the disk is full", async () => {
    const client = await attach();
    client.change([put("a", "one")]);
    await client.answers.next();
    disk.full = true;
    client.change([put("a", "two")]);
    expect((await client.answers.next()).error).toMatchObject({ reason: "STORE_UNAVAILABLE", retryable: true });
    disk.full = false;
    client.change([put("a", "three")]);
    expect([await client.answers.next(), stored("a")]).toEqual([taken(2), "three 2"]);
  });

  test("answers a retry as the first request, and does not change anything again", async () => {
    const client = await attach();
    client.change([put("a", "one", 0)], "request");
    client.change([put("a", "one", 0)], "request");
    expect(await client.answers.take(2)).toEqual([taken(1), taken(1)]);
  });

  test("has limits, together with the cookies of the framework", async () => {
    const client = await attach();
    const half = Buffer.alloc(MAX_CONTENT_BYTES.framework / 2 - 1);
    client.change([put("a", half)]);
    client.change([put("b", half)]);
    expect(() => client.change([put("c", "")])).toThrow("may have 64 MiB");
    await client.answers.take(2);
    client.change([put("b", "less")]);
    client.change([put("c", "")]);
    expect((await client.answers.take(2)).map(({ error }) => error)).toEqual([undefined, undefined]);
    const many = Array.from({ length: MAX_STATE_KEYS - 3 }, (_, i) => put(`key-${i}`, ""));
    client.change(many);
    expect((await client.answers.next()).error).toBeUndefined();
    expect(() => client.change([put("another", "")])).toThrow(
      "nothing was changed, because a framework's state has at most 10000 keys: delete some of them first",
    );
    client.change([removal("key-0"), put("another", "")]);
    expect((await client.answers.next()).error).toBeUndefined();
  });

  test("goes with its framework", async () => {
    const client = await attach();
    await master.subscriptions.next();
    client.change([put("a", "one")]);
    await client.answers.next();
    client.session.call(client.attachment.id, "", buildCall(CallType.TEARDOWN), (answer) =>
      client.answers.push(answer),
    );
    expect((await client.answers.next()).error).toBeUndefined();
    const next = await attach();
    next.read("a");
    expect(await next.reads.next()).toBeUndefined();
  });
});

test("a framework that was torn down while the disk was full leaves its state to nobody", async () => {
  const client = await attach();
  await master.subscriptions.next();
  client.change([put("a", "one")]);
  await client.answers.next();
  disk.keepsAll = true;
  client.session.call(client.attachment.id, "", buildCall(CallType.TEARDOWN), (answer) => client.answers.push(answer));
  expect((await client.answers.next()).error).toBeUndefined();
  const next = await attach();
  next.read("a");
  expect(await next.reads.next()).toBeUndefined();
});

describe("a launch with changes of the state", () => {
  test("is one commit with its tasks, before Mesos hears of it", async () => {
    const client = await offered();
    disk.held = deferred();
    client.launch("o1", "t1", [put("a", "one"), put("b", "two")]);
    expect(await disk.commits.next()).toMatchObject({ putTasks: [{ taskId: "t1" }], state: [{}, {}] });
    expect([master.calls.all, stored("a"), stored("b")]).toEqual([[], "one 1", "two 1"]);
    disk.held.resolve();
    expect(await client.answers.next()).toEqual(taken(1));
    expect(master.calls.all.length).toBe(1);
  });

  test("that Mesos refuses leaves what there was before, and nobody has seen anything else", async () => {
    const client = await offered();
    client.change([put("a", "old"), put("c", "old")]);
    await client.answers.next();
    master.answerCalls(false);
    client.launch("o1", "t1", [put("a", "new"), put("b", "new"), removal("c")]);
    const { connection } = await master.call("ACCEPT");
    const next = await attach();
    for (const key of ["a", "b", "c"]) next.read(key);
    expect([next.reads.all, stored("a")]).toEqual([[], "new 2"]);
    connection.answer(400, "no");
    expect((await client.answers.next()).error?.reason).toBe("CALL_REFUSED");
    expect(await next.reads.take(3)).toEqual(["old 1", undefined, "old 1"]);
    next.change([put("b", "later")]);
    await next.answers.take(3);
    expect(await next.answers.next()).toEqual(taken(3));
  });

  test("that Mesos refuses deletes nothing", async () => {
    const client = await offered();
    client.change([put("a", "old")]);
    await client.answers.next();
    master.answerCallsWith({ status: 400, body: "no" });
    client.launch("o1", "t1", [removal("a", 1)]);
    expect((await client.answers.next()).error?.reason).toBe("CALL_REFUSED");
    client.read("a");
    expect(await client.reads.next()).toBe("old 1");
  });

  test("that Mesos refuses once the framework is forgotten leaves nothing behind", async () => {
    const client = await offered();
    client.change([put("a", "old"), put("b", "old")]);
    await client.answers.next();
    master.answerCalls(false);
    client.launch("o1", "t1", [put("a", "new"), removal("b")]);
    const { connection } = await master.call("ACCEPT");
    await disk.remove("name");
    connection.answer(400, "no");
    expect((await client.answers.next()).error?.reason).toBe("CALL_REFUSED");
    expect([stored("a"), stored("b"), disk.state("name").size]).toEqual([undefined, undefined, 0]);
  });

  test("has room for what it replaced, until Mesos has answered", async () => {
    const client = await offered();
    client.change(Array.from({ length: MAX_STATE_KEYS }, (_, i) => put(`key-${i}`, "")));
    await client.answers.next();
    master.answerCalls(false);
    client.launch("o1", "t1", [removal("key-0")]);
    const { connection } = await master.call("ACCEPT");
    expect(() => client.change([put("another", "")])).toThrow("at most 10000 keys");
    connection.answer(400, "no");
    expect((await client.answers.next()).error?.reason).toBe("CALL_REFUSED");
    client.change([put("key-1", "changed")]);
    client.change([removal("key-1")]);
    client.change([put("another", "")]);
    expect((await client.answers.take(3)).map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
  });

  test("has bytes for what it replaced, until Mesos has answered", async () => {
    const client = await offered();
    const large = 512 * 1024 - 10;
    client.change([
      put("large", Buffer.alloc(large)),
      put("rest", Buffer.alloc(MAX_CONTENT_BYTES.framework - large - 9)),
    ]);
    await client.answers.next();
    master.answerCalls(false);
    client.launch("o1", "t1", [removal("large")]);
    const { connection } = await master.call("ACCEPT");
    expect(() => client.change([put("a", "one")])).toThrow("may have 64 MiB");
    master.answerCalls(true);
    connection.answer(202, "");
    await client.answers.next();
    client.change([put("a", "one")]);
    expect((await client.answers.next()).error).toBeUndefined();
  });

  test("replaces and deletes no more than can be written back at once", async () => {
    const client = await offered();
    client.change([put("a", Buffer.alloc(300_000)), put("b", Buffer.alloc(300_000))]);
    await client.answers.next();
    expect(() => client.launch("o1", "t1", [removal("a"), put("b", "")])).toThrow(
      "state must replace and delete values of at most 512 KiB in one launch, with their keys, and these have 600002 bytes",
    );
  });

  test("that is refused while the disk is full says that its changes may be found there", async () => {
    const client = await offered();
    master.answerCalls(false);
    client.launch("o1", "t1", [put("a", "new")]);
    const { connection } = await master.call("ACCEPT");
    disk.full = true;
    connection.answer(400, "no");
    expect((await client.answers.next()).error).toMatchObject({
      reason: "OUTCOME_UNKNOWN",
      message: expect.stringMatching(
        /^the launch was not made \(.*no.*\), but its changes of the state are still on the/,
      ),
    });
    client.read("a");
    expect(await client.reads.next()).toBeUndefined();
  });

  test("holds up calls of so many bytes, and turns others away", async () => {
    const client = await offered();
    disk.held = deferred();
    client.launch("o1", "t1", [put("a", "new")]);
    const message = buildCall(CallType.MESSAGE, [lengthDelimited(3, Buffer.alloc(6 * 1024 * 1024))]);
    const send = () => client.session.call(client.attachment.id, "", message, (answer) => client.answers.push(answer));
    for (let i = 0; i < 3; i++) send();
    expect((await client.answers.next()).error?.reason).toBe("TOO_MANY_CALLS");
    disk.held.resolve();
    expect((await client.answers.take(3)).map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
  });

  test("that Mesos refuses is undone in one commit before the client is told", async () => {
    const client = await offered();
    master.answerCallsWith({ status: 400, body: "no" });
    client.launch("o1", "t1", [put("a", "new")]);
    await disk.commits.next();
    disk.held = deferred();
    expect(await disk.commits.next()).toEqual({ removeTasks: ["t1"], state: [{ remove: "a" }] });
    client.read("a");
    expect([client.answers.all, client.reads.all]).toEqual([[], []]);
    disk.held.resolve();
    expect((await client.answers.next()).error?.reason).toBe("CALL_REFUSED");
    expect(await client.reads.next()).toBeUndefined();
  });

  test("is undone if an offer goes while it is written", async () => {
    const client = await offered();
    disk.held = deferred();
    client.launch("o1", "t1", [put("a", "new")]);
    await disk.commits.next();
    subscription.send({ type: Event_Type.RESCIND, rescind: { offerId: { value: "o1" } } });
    await eventually(() => !client.session.state.offers.has("o1"));
    disk.held.resolve();
    expect((await client.answers.next()).error?.reason).toBe("OFFER_GONE");
    expect([master.calls.all, stored("a"), disk.tasks("name")]).toEqual([[], undefined, []]);
  });

  test("is undone once another client is active", async () => {
    const client = await offered();
    disk.held = deferred();
    client.launch("o1", "t1", [put("a", "new")]);
    await disk.commits.next();
    const next = await attach();
    next.read("a");
    disk.held.resolve();
    expect((await client.answers.next()).error?.reason).toBe("ATTACHMENT_SUPERSEDED");
    expect([await next.reads.next(), master.calls.all]).toEqual([undefined, []]);
  });

  test("is not sent if a key has another version, and its offers stay", async () => {
    const client = await offered();
    expect(() => client.launch("o1", "t1", [put("a", "new", 7)])).toThrow("the key 'a' is not there");
    expect([client.session.state.offers.size, master.calls.all, disk.commits.all]).toEqual([2, [], []]);
  });

  test("keeps what it changed if its outcome is not known", async () => {
    const client = await offered();
    master.answerCalls(false);
    client.launch("o1", "t1", [put("a", "new")]);
    const { connection } = await master.call("ACCEPT");
    connection.reset();
    expect((await client.answers.next()).error?.reason).toBe("OUTCOME_UNKNOWN");
    client.read("a");
    expect(await client.reads.next()).toBe("new 1");
  });

  test("waits for the launch before it, if that changes the same key, and is compared with what comes of it", async () => {
    const client = await offered();
    master.answerCalls(false);
    client.launch("o1", "t1", [put("a", "first")]);
    const { connection } = await master.call("ACCEPT");
    client.launch("o2", "t2", [put("a", "second", 0)]);
    client.read("b");
    expect([client.reads.all, disk.commits.all.length]).toEqual([[], 1]);
    master.answerCalls(true);
    connection.answer(400, "no");
    const [first, second] = await client.answers.take(2);
    expect([first?.error?.reason, second?.error]).toEqual(["CALL_REFUSED", undefined]);
    await client.reads.next();
    expect(stored("a")).toBe("second 2");
  });
});
