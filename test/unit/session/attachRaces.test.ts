import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FrameworkInfo } from "../../../gen/mesos/v1/mesos.js";
import { buildCall, CallType } from "../../../server/mesos/messages/calls.js";
import type { AttachRequest } from "../../../server/session/attachRequest.js";
import type { BridgeError } from "../../../server/session/errors.js";
import type { Forgotten, FrameworkRecord } from "../../../server/session/frameworkStore.js";
import type { CallAnswer } from "../../../server/session/requestMemory.js";
import type { SessionManager } from "../../../server/session/sessionManager.js";
import { lengthDelimited } from "../../../wire/proto.js";
import type { AnsweringMaster } from "../../support/answeringMaster.js";
import { Cleanup } from "../../support/cleanup.js";
import { type Deferred, deferred, eventually } from "../../support/eventually.js";
import { ForwardingStore } from "./forwardingStore.js";
import { attachRequest } from "./samples.js";
import { startSessions } from "./startSessions.js";

const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };

/** A store on a slow disk: a put that a test holds up is not done before the test lets it go on. */
class SlowStore extends ForwardingStore {
  /** Settles when a put is held up. */
  held: Deferred<void> = deferred();
  /** No write succeeds. */
  full = false;
  #gate: Deferred<void> | undefined;

  /** Holds up what the next put promises; its bytes are written. */
  holdNextPut(): { release(): void } {
    const gate = deferred();
    this.#gate = gate;
    this.held = deferred();
    return { release: () => gate.resolve() };
  }

  override async put(record: FrameworkRecord): Promise<void> {
    const gate = this.#gate;
    this.#gate = undefined;
    if (this.full) throw new Error("ENOSPC: no space left on device");
    await this.inner.put(record);
    if (!gate) return;
    this.held.resolve();
    await gate.promise;
  }

  override async replace(record: FrameworkRecord, forgotten: Forgotten): Promise<void> {
    if (this.full) throw new Error("ENOSPC: no space left on device");
    await this.inner.replace(record, forgotten);
  }

  override async remove(name: string): Promise<void> {
    if (this.full) throw new Error("ENOSPC: no space left on device");
    await this.inner.remove(name);
  }
}

let cleanup: Cleanup;
let store: SlowStore;
let sessions: SessionManager;
let master: AnsweringMaster;
beforeEach(async () => {
  cleanup = new Cleanup();
  ({ sessions, master } = await startSessions(cleanup, log, (inner) => {
    store = new SlowStore(inner);
    return store;
  }));
});
afterEach(() => cleanup.run());

async function attach(more: Partial<AttachRequest> = {}, signal?: AbortSignal) {
  const ended = deferred<BridgeError | undefined>();
  const request = attachRequest("name", more);
  const attached = await sessions.attach(request, { wake: silent, end: ended.resolve }, signal);
  return { ...attached, ended: ended.promise, frameworkId: attached.session.state.record.frameworkId };
}

type Attached = Awaited<ReturnType<typeof attach>>;

async function linked(attached: Attached): Promise<Attached> {
  await eventually(() => attached.session.linkConnected, { what: "the link" });
  return attached;
}

const call = ({ session, attachment }: Attached, type: number, parts: Uint8Array[] = []) =>
  new Promise<CallAnswer>((resolve) => session.call(attachment.id, "", buildCall(type, parts), resolve));

const taken = { error: undefined, gone: 0 };
const hostnameOf = (info: Uint8Array | undefined) => FrameworkInfo.decode(info ?? new Uint8Array()).hostname;
const infoOf = (hostname: string) =>
  FrameworkInfo.encode(FrameworkInfo.fromPartial({ user: "root", name: "name", hostname })).finish();

const update = (attached: Attached, hostname: string) =>
  call(attached, CallType.UPDATE_FRAMEWORK, [lengthDelimited(1, infoOf(hostname))]);

/** Waits as long as another session's lease, which begins now. */
async function leaseOfAnother(leaseMs: number): Promise<void> {
  const other = await sessions.attach(attachRequest("other", { leaseMs }), { wake: silent, end: silent });
  other.session.clients.detach(other.attachment);
  await eventually(() => sessions.find("other") === undefined, { what: "the end of the other lease" });
}

test("a client that attaches while its framework is torn down gets another framework, which is remembered", async () => {
  const first = await linked(await attach());
  const { release } = store.holdNextPut();
  const attaching = attach({ leaseMs: 50_000 });
  await store.held.promise;
  expect(await call(first, CallType.TEARDOWN)).toEqual(taken);
  release();
  const second = await linked(await attaching);
  expect(second.frameworkId).not.toBe(first.frameworkId);
  expect(store.framework("name")).toMatchObject({ frameworkId: second.frameworkId, open: true });
  expect(sessions.find("name")).toBe(second.session);
});

test("a client that attaches while its session is closed keeps its framework, as an open one", async () => {
  const first = await linked(await attach());
  const { release } = store.holdNextPut();
  const attaching = attach({ leaseMs: 50_000 });
  await store.held.promise;
  await sessions.closeSession("name", first.attachment.id);
  release();
  const second = await linked(await attaching);
  expect(second.frameworkId).toBe(first.frameworkId);
  expect(store.framework("name")).toMatchObject({ frameworkId: second.frameworkId, open: true });
  expect(second.attachment.ended).toBe(false);
});

test("a lease does not run while the attach of its client is being stored", async () => {
  const first = await linked(await attach({ leaseMs: 200, expiryPolicy: "teardown" }));
  first.session.clients.detach(first.attachment);
  const { release } = store.holdNextPut();
  const attaching = attach({ leaseMs: 201, expiryPolicy: "teardown" });
  await store.held.promise;
  await leaseOfAnother(400);
  release();
  expect((await attaching).session).toBe(first.session);
});

test.each([
  ["says nothing of it", undefined],
  ["says another thing", infoOf("from-subscribe")],
])("an update that Mesos takes while a client attaches that %s is not undone", async (_, frameworkInfo) => {
  const first = await linked(await attach());
  const { release } = store.holdNextPut();
  const attaching = attach({ leaseMs: 50_000, frameworkInfo });
  await store.held.promise;
  expect(await update(first, "updated")).toEqual(taken);
  release();
  const { session } = await attaching;
  expect(hostnameOf(session.state.record.frameworkInfo)).toBe("updated");
  expect(session.state.record.leaseMs).toBe(50_000);
  const stored = store.framework("name");
  expect([hostnameOf(stored?.frameworkInfo), stored?.leaseMs]).toEqual(["updated", 50_000]);
});

test("an update of the framework that the disk does not take holds, and is stored once there is room", async () => {
  const first = await linked(await attach());
  store.full = true;
  expect(await update(first, "updated")).toEqual(taken);
  const second = await attach({ frameworkInfo: undefined });
  expect(hostnameOf(second.session.state.record.frameworkInfo)).toBe("updated");
  expect(hostnameOf(store.framework("name")?.frameworkInfo)).toBeUndefined();
  store.full = false;
  await eventually(() => hostnameOf(store.framework("name")?.frameworkInfo) === "updated", {
    what: "the stored update",
  });
});

test("the id of a framework that goes on as a new one is not undone by a client that attaches meanwhile", async () => {
  const first = await linked(await attach({ replaceRemoved: true }));
  const { release } = store.holdNextPut();
  const attaching = attach({ leaseMs: 50_000, replaceRemoved: true });
  await store.held.promise;
  const subscription = await master.subscriptions.next();
  subscription.connection.error("Framework has been removed");
  await eventually(() => first.session.state.record.frameworkId !== first.frameworkId, { what: "the new id" });
  release();
  const second = await linked(await attaching);
  expect(second.frameworkId).not.toBe(first.frameworkId);
  expect(store.framework("name")).toMatchObject({ frameworkId: second.frameworkId, leaseMs: 50_000 });
  expect((await master.subscriptions.next()).frameworkId).toBe(second.frameworkId);
});

test("a client that has gone by the time its attach is stored takes nothing from the one that is attached", async () => {
  const first = await linked(await attach());
  const { release } = store.holdNextPut();
  const client = new AbortController();
  const attaching = attach({ leaseMs: 50_000, frameworkInfo: infoOf("another") }, client.signal);
  await store.held.promise;
  client.abort();
  release();
  await expect(attaching).rejects.toThrow("aborted");
  expect(first.attachment.ended).toBe(false);
  expect(await call(first, CallType.REVIVE)).toEqual(taken);
  expect(first.session.state.record).toMatchObject({ leaseMs: 60_000 });
  await eventually(() => store.framework("name")?.leaseMs === 60_000, { what: "the record of before" });
  expect(hostnameOf(store.framework("name")?.frameworkInfo)).toBeUndefined();
});

test("a client that has gone before its first attach is stored leaves nothing behind", async () => {
  const { release } = store.holdNextPut();
  const client = new AbortController();
  const attaching = attach({}, client.signal);
  const waiting = attach({}, client.signal);
  await store.held.promise;
  client.abort();
  release();
  await expect(attaching).rejects.toThrow("aborted");
  await expect(waiting).rejects.toThrow("aborted");
  await eventually(() => store.framework("name") === undefined, { what: "an empty store" });
  expect(sessions.sessions()).toEqual([]);
});

test("on a full disk a client whose framework does not change is attached, and a change is refused", async () => {
  const first = await linked(await attach());
  store.full = true;
  first.session.clients.detach(first.attachment);
  const second = await attach();
  expect(second.session).toBe(first.session);
  await expect(attach({ leaseMs: 50_000 })).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
  expect(second.attachment.ended).toBe(false);
  store.full = false;
  expect((await attach({ leaseMs: 50_000 })).session.state.record.leaseMs).toBe(50_000);
});

test("a lease does not run out while the disk is full and its client tries to attach", async () => {
  const first = await linked(await attach({ leaseMs: 300, expiryPolicy: "teardown" }));
  first.session.clients.detach(first.attachment);
  const others = leaseOfAnother(900);
  await eventually(() => sessions.find("other"), { what: "the other session" });
  store.full = true;
  while (sessions.find("other")) {
    await expect(attach({ leaseMs: 301 })).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
    await turn();
  }
  await others;
  expect(sessions.find("name")).toBe(first.session);
  // Nobody tries any more: now it runs.
  await eventually(() => sessions.find("name") === undefined, { what: "the end of the lease" });
  store.full = false;
});

test("a framework that is torn down while the disk is full stays gone, and is forgotten once there is room", async () => {
  const first = await linked(await attach());
  store.full = true;
  expect(await call(first, CallType.TEARDOWN)).toEqual(taken);
  await expect(attach()).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
  store.full = false;
  const second = await linked(await attach());
  expect(second.frameworkId).not.toBe(first.frameworkId);
});

test("an id that another framework has can't be imported, also while that one is closed or about to be stored", async () => {
  const imported = (frameworkName: string, id: string) => {
    const info = FrameworkInfo.fromPartial({ user: "root", id: { value: id } });
    const request = attachRequest(frameworkName, { frameworkInfo: FrameworkInfo.encode(info).finish() });
    return sessions.attach(request, { wake: silent, end: silent });
  };
  const first = await attach();
  await expect(imported("thief", first.frameworkId)).rejects.toMatchObject({ reason: "FRAMEWORK_ID_MISMATCH" });
  await sessions.closeSession("name", first.attachment.id);
  await expect(imported("thief", first.frameworkId)).rejects.toMatchObject({ reason: "FRAMEWORK_ID_MISMATCH" });
  const outcomes = await Promise.allSettled([imported("one", "free"), imported("two", "free")]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  // Its own framework may name it.
  await imported("name", first.frameworkId);
});

test("clients whose attach is being stored, or waits its turn, when the bridge drains are told so, and hold nothing up", async () => {
  const { release } = store.holdNextPut();
  const attaching = [attach(), attach()];
  await store.held.promise;
  expect(await sessions.drain(600_000)).toBe(0);
  release();
  for (const refused of attaching) await expect(refused).rejects.toMatchObject({ reason: "BRIDGE_SHUTTING_DOWN" });
  expect(sessions.sessions()).toEqual([]);
});

test("a client that attaches while the bridge shuts down is told so, and leaves no session", async () => {
  const { release } = store.holdNextPut();
  const attaching = attach();
  await store.held.promise;
  await sessions.close();
  release();
  await expect(attaching).rejects.toMatchObject({ reason: "BRIDGE_SHUTTING_DOWN" });
  expect(sessions.sessions()).toEqual([]);
});
