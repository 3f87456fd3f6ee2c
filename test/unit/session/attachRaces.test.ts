import { afterEach, beforeEach, expect, test } from "vitest";
import { buildCall, CallType } from "../../../server/mesos/calls.js";
import type { BridgeError } from "../../../server/session/errors.js";
import type { FrameworkRecord, FrameworkStore, TaskRecord } from "../../../server/session/frameworkStore.js";
import type { CallAnswer } from "../../../server/session/requestMemory.js";
import type { SessionManager } from "../../../server/session/sessionManager.js";
import type { LmdbStore } from "../../../server/store/lmdbStore.js";
import { Cleanup } from "../../support/cleanup.js";
import { type Deferred, deferred, eventually } from "../../support/eventually.js";
import { attachRequest } from "./samples.js";
import { startSessions } from "./startSessions.js";

const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };

/** A store on a slow disk: a put that a test holds up is not done before the test lets it go on. */
class SlowStore implements FrameworkStore {
  readonly inner: LmdbStore;
  /** Settles when a put is held up. */
  held: Deferred<void> = deferred();
  #gate: Deferred<void> | undefined;

  constructor(inner: LmdbStore) {
    this.inner = inner;
  }

  /** Holds up what the next put promises; its bytes are written. */
  holdNextPut(): { release(): void } {
    const gate = deferred();
    this.#gate = gate;
    this.held = deferred();
    return { release: () => gate.resolve() };
  }

  async put(record: FrameworkRecord): Promise<void> {
    const gate = this.#gate;
    this.#gate = undefined;
    await this.inner.put(record);
    if (!gate) return;
    this.held.resolve();
    await gate.promise;
  }

  frameworks = () => this.inner.frameworks();
  framework = (name: string) => this.inner.framework(name);
  remove = (name: string) => this.inner.remove(name);
  putTasks = (name: string, tasks: readonly TaskRecord[]) => this.inner.putTasks(name, tasks);
  removeTask = (name: string, id: string) => this.inner.removeTask(name, id);
  tasks = (name: string) => this.inner.tasks(name);
  close = () => this.inner.close();
}

let cleanup: Cleanup;
let store: SlowStore;
let sessions: SessionManager;
beforeEach(async () => {
  cleanup = new Cleanup();
  ({ sessions } = await startSessions(cleanup, log, (inner) => {
    store = new SlowStore(inner);
    return store;
  }));
});
afterEach(() => cleanup.run());

async function attach(leaseMs = 60_000) {
  const ended = deferred<BridgeError | undefined>();
  const attached = await sessions.attach(attachRequest("name", { leaseMs }), { wake: silent, end: ended.resolve });
  return { ...attached, ended: ended.promise, frameworkId: attached.session.state.record.frameworkId };
}

type Attached = Awaited<ReturnType<typeof attach>>;

async function linked(attached: Attached): Promise<Attached> {
  await eventually(() => attached.session.linkConnected, { what: "the link" });
  return attached;
}

const tearDown = ({ session, attachment }: Attached) =>
  new Promise<CallAnswer>((resolve) => session.call(attachment.id, "", buildCall(CallType.TEARDOWN), resolve));

test("a client that attaches while its framework is torn down gets another framework, which is remembered", async () => {
  const first = await linked(await attach());
  const { release } = store.holdNextPut();
  const attaching = attach();
  await store.held.promise;
  expect(await tearDown(first)).toEqual({ error: undefined, gone: 0 });
  release();
  const second = await linked(await attaching);
  expect(second.frameworkId).not.toBe(first.frameworkId);
  expect(store.framework("name")).toMatchObject({ frameworkId: second.frameworkId, open: true });
  expect(sessions.find("name")).toBe(second.session);
});

test("a client that attaches while its lease ends keeps its framework, as an open one", async () => {
  const first = await linked(await attach(100));
  first.session.detach(first.attachment);
  const { release } = store.holdNextPut();
  const attaching = attach();
  await store.held.promise;
  await eventually(() => sessions.find("name") === undefined, { what: "the end of the lease" });
  release();
  const second = await linked(await attaching);
  expect(second.frameworkId).toBe(first.frameworkId);
  expect(store.framework("name")).toMatchObject({ frameworkId: second.frameworkId, open: true });
  expect(second.attachment.ended).toBe(false);
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
