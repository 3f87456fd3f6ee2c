import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FrameworkInfo, TaskState } from "../../../gen/mesos/v1/mesos.js";
import { Call_Type, Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { buildCall, CallType } from "../../../server/mesos/messages/calls.js";
import type { AttachRequest } from "../../../server/session/attachRequest.js";
import { BridgeError } from "../../../server/session/errors.js";
import type { FrameworkRecord } from "../../../server/session/frameworkStore.js";
import type { CallAnswer } from "../../../server/session/requestMemory.js";
import type { Session } from "../../../server/session/session.js";
import type { SessionEvent } from "../../../server/session/sessionEvent.js";
import type { Attached, SessionManager } from "../../../server/session/sessionManager.js";
import type { AnsweringMaster } from "../../support/answeringMaster.js";
import { Cleanup } from "../../support/cleanup.js";
import { type Deferred, deferred, eventually } from "../../support/eventually.js";
import { VirtualClock } from "../../support/virtualClock.js";
import { ForwardingStore } from "./forwardingStore.js";
import { attachRequest } from "./samples.js";
import { startSessions } from "./startSessions.js";

const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };
const LEASE_MS = 3_000;
/** How long a promotion waits for the first call. */
const CONFIRM_MS = 2_000;

/** A store whose next put may be held up or fail. */
class SlowStore extends ForwardingStore {
  full = false;
  held: Deferred<void> | undefined;

  override async put(record: FrameworkRecord): Promise<void> {
    if (this.full) throw new Error("ENOSPC: no space left on device");
    await this.held?.promise;
    await this.inner.put(record);
  }
}

let cleanup: Cleanup;
let clock: VirtualClock;
let store: SlowStore;
let sessions: SessionManager;
let master: AnsweringMaster;
beforeEach(async () => {
  cleanup = new Cleanup();
  clock = new VirtualClock();
  const slow = (inner: ConstructorParameters<typeof SlowStore>[0]) => {
    store = new SlowStore(inner);
    return store;
  };
  ({ sessions, master } = await startSessions(cleanup, log, slow, clock));
});
afterEach(() => cleanup.run());

/** A client's stream on a session. */
class Client {
  readonly events: SessionEvent[] = [];
  promotions = 0;
  /** Settles with what ended its stream; undefined: it ended in order. */
  readonly ended: Promise<BridgeError | undefined>;
  readonly #attached: Attached;
  /** Whether it takes what is written to its stream. */
  reads = true;

  private constructor(attached: Attached, ended: Promise<BridgeError | undefined>) {
    this.#attached = attached;
    this.ended = ended;
  }

  static async attach(more: Partial<AttachRequest> = {}): Promise<Client> {
    let client: Client | undefined;
    const { promise, resolve } = deferred<BridgeError | undefined>();
    const onPromoted = () => {
      if (client) client.promotions++;
    };
    const request = attachRequest("name", { leaseMs: LEASE_MS, ...more, onPromoted });
    const attached = await sessions.attach(request, { wake: () => client?.read(), end: resolve });
    client = new Client(attached, promise);
    client.read();
    return client;
  }

  static standby(more: Partial<AttachRequest> = {}): Promise<Client> {
    return Client.attach({ standby: true, ...more });
  }

  get session(): Session {
    return this.#attached.session;
  }

  get id(): string {
    return this.#attached.attachment.id;
  }

  get active(): boolean {
    return this.#attached.attachment.active;
  }

  get kinds(): string[] {
    return this.events.map(({ body }) => body.kind);
  }

  read(): void {
    if (!this.reads) return;
    this.events.push(...this.#attached.attachment.read(1_000_000));
  }

  /** Its stream is gone. */
  leave(): void {
    this.session.clients.detach(this.#attached.attachment);
  }

  call(attachmentId = this.id, type: CallType = CallType.REVIVE): Promise<CallAnswer> {
    return new Promise((resolve) => this.session.call(attachmentId, "", buildCall(type), resolve));
  }

  /** The ids of the tasks that it was told of. */
  get tasks(): string[] {
    return this.events.flatMap(({ body }) => (body.kind === "mesos" && body.taskId !== "" ? [body.taskId] : []));
  }

  confirm(): Promise<CallAnswer> {
    return new Promise((resolve) => this.session.confirm(this.id, "", resolve));
  }

  async becomesActive(): Promise<void> {
    await eventually(() => this.active, { what: "the promotion" });
  }
}

const done = { error: undefined, gone: 0 };
const reasonOf = (answer: CallAnswer) => answer.error?.reason;
const hostnameOf = ({ session }: Client) => FrameworkInfo.decode(session.state.record.frameworkInfo).hostname;
const infoOf = (hostname: string, user = "root") =>
  FrameworkInfo.encode(FrameworkInfo.fromPartial({ user, name: "name", hostname })).finish();

describe("a standby", () => {
  test("is active at once where no client is", async () => {
    const only = await Client.standby();
    expect(only.active).toBe(true);
    expect(only.kinds).toEqual(["opened", "promoted", "progress"]);
    expect(only.events[0]?.body).toMatchObject({ role: "standby", resumed: false });
    expect(only.events[1]?.body).toMatchObject({ role: "active", attachmentId: only.id, resumed: false });
    expect(only.events[2]?.body).toMatchObject({ snapshotEnd: true });
  });

  test("waits while another client is active, is told nothing, and may not call", async () => {
    const active = await Client.attach();
    const waiting = await Client.standby();
    await eventually(() => active.session.linkConnected, { what: "the link" });
    expect(waiting.kinds).toEqual(["opened"]);
    expect(active.kinds).toContain("link-changed");
    expect(reasonOf(await waiting.call())).toBe("NOT_ACTIVE");
    expect(reasonOf(await waiting.confirm())).toBe("NOT_ACTIVE");
    expect(await active.call()).toEqual(done);
  });

  test("is promoted when the active one leaves, the one that has waited longest first", async () => {
    const active = await Client.attach();
    const [first, second] = [await Client.standby(), await Client.standby()];
    const idAsStandby = first.id;
    active.leave();
    await first.becomesActive();
    expect([first.promotions, second.promotions, second.active]).toEqual([1, 0, false]);
    expect(first.kinds.slice(0, 3)).toEqual(["opened", "promoted", "progress"]);
    expect(first.id).not.toBe(idAsStandby);
    expect(reasonOf(await active.call())).toBe("ATTACHMENT_SUPERSEDED");
    expect(reasonOf(await first.call(idAsStandby))).toBe("NOT_ATTACHED");
    expect(await first.confirm()).toEqual(done);
    first.leave();
    await second.becomesActive();
  });

  test("has no say once another client supersedes it, and others continue to wait", async () => {
    const first = await Client.standby();
    const waiting = await Client.standby();
    const active = await Client.attach();
    expect(await first.ended).toMatchObject({ reason: "ATTACHMENT_SUPERSEDED" });
    expect([active.active, waiting.active]).toEqual([true, false]);
    active.leave();
    await waiting.becomesActive();
  });

  test("keeps the lease from running, and without it the lease runs", async () => {
    const active = await Client.attach();
    const waiting = await Client.standby({ frameworkInfo: infoOf("another") });
    store.held = deferred();
    active.leave();
    await clock.advance(10 * LEASE_MS);
    expect(sessions.find("name")?.leaseExpiresMs).toBeUndefined();
    store.held.resolve();
    await waiting.becomesActive();
    waiting.leave();
    expect(sessions.find("name")?.leaseExpiresMs).toBe(clock.wallTime() + LEASE_MS);
    await clock.advance(LEASE_MS);
    await eventually(() => sessions.find("name") === undefined, { what: "the end of the session" });
  });

  test("that leaves while it is being promoted begins the lease", async () => {
    const active = await Client.attach();
    const waiting = await Client.standby({ frameworkInfo: infoOf("another") });
    store.held = deferred();
    active.leave();
    waiting.leave();
    expect(sessions.find("name")?.leaseExpiresMs).toBeUndefined();
    store.held.resolve();
    await eventually(() => sessions.find("name")?.leaseExpiresMs !== undefined, { what: "the lease" });
  });

  test("brings its own FrameworkInfo when it is promoted, not before", async () => {
    const active = await Client.attach({ frameworkInfo: infoOf("first") });
    const waiting = await Client.standby({ frameworkInfo: infoOf("second") });
    expect(hostnameOf(active)).toBe("first");
    expect(store.framework("name")?.frameworkInfo).toEqual(active.session.state.record.frameworkInfo);
    active.leave();
    await waiting.becomesActive();
    expect(hostnameOf(waiting)).toBe("second");
    const stored = store.framework("name")?.frameworkInfo;
    expect(stored).toEqual(waiting.session.state.record.frameworkInfo);
  });

  test("that asks for what can't be is refused at once, and changes nothing", async () => {
    const active = await Client.attach();
    const other = Client.standby({ frameworkInfo: infoOf("second", "nobody") });
    await expect(other).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    expect(active.active).toBe(true);
    expect(active.session.clients.standbys).toEqual([]);
  });

  test("resumes where its own stream broke, unless another one was active since", async () => {
    const first = await Client.standby();
    first.leave();
    const resume = { attachmentId: first.id, afterSequence: first.session.state.log.lastSequence };
    const again = await Client.standby({ resume });
    expect(again.kinds).toEqual(["opened", "promoted"]);
    expect(again.events[1]?.body).toMatchObject({ resumed: true });
    const between = await Client.attach();
    between.leave();
    const late = await Client.standby({ resume: { ...resume, attachmentId: again.id } });
    expect(late.kinds).toEqual(["opened", "promoted", "progress"]);
  });

  test("ends with the session", async () => {
    const active = await Client.attach();
    const waiting = await Client.standby();
    await sessions.closeSession("name", active.id);
    expect([await active.ended, await waiting.ended]).toEqual([undefined, undefined]);
    const next = await Client.attach();
    const last = await Client.standby();
    await sessions.close();
    expect(await next.ended).toMatchObject({ reason: "BRIDGE_SHUTTING_DOWN" });
    expect(await last.ended).toMatchObject({ reason: "BRIDGE_SHUTTING_DOWN" });
  });

  test("is one of 64 at most", async () => {
    const active = await Client.attach();
    const waiting = [];
    for (let i = 0; i < 64; i++) waiting.push(await Client.standby());
    await expect(Client.standby()).rejects.toMatchObject({ reason: "LIMIT_REACHED", metadata: { limit: "64" } });
    waiting[7]?.leave();
    await Client.standby();
    expect(active.active).toBe(true);
  });
});

describe("a promotion", () => {
  test("that is not confirmed is passed on after 2 s", async () => {
    const active = await Client.attach();
    const [first, second] = [await Client.standby(), await Client.standby()];
    active.leave();
    await first.becomesActive();
    await clock.advance(CONFIRM_MS - 1);
    expect([first.active, second.active]).toEqual([true, false]);
    await clock.advance(1);
    await second.becomesActive();
    expect(await first.ended).toMatchObject({ reason: "ATTACHMENT_SUPERSEDED" });
    expect(reasonOf(await first.confirm())).toBe("ATTACHMENT_SUPERSEDED");
    expect(await second.confirm()).toEqual(done);
    expect(sessions.counts.promotions).toEqual({ confirmed: 1, unconfirmed: 1 });
    await clock.advance(10 * CONFIRM_MS);
    expect(second.active).toBe(true);
  });

  test.each(["a confirmation", "any call", "a call that is refused"])("stands after %s", async (what) => {
    const active = await Client.attach();
    const [first, second] = [await Client.standby(), await Client.standby()];
    active.leave();
    await first.becomesActive();
    await eventually(() => first.session.linkConnected, { what: "the link" });
    if (what === "a confirmation") expect(await first.confirm()).toEqual(done);
    else if (what === "any call") expect(await first.call()).toEqual(done);
    else first.session.call(first.id, "", buildCall(CallType.SUBSCRIBE), silent);
    await clock.advance(10 * CONFIRM_MS);
    expect([first.active, second.active]).toEqual([true, false]);
  });

  test("that is not confirmed stands while nobody else waits, and no longer", async () => {
    const only = await Client.standby();
    await clock.advance(10 * CONFIRM_MS);
    expect(only.active).toBe(true);
    const next = await Client.standby();
    await next.becomesActive();
    expect(await only.ended).toMatchObject({ reason: "ATTACHMENT_SUPERSEDED" });
  });

  test("that is confirmed late stands", async () => {
    const only = await Client.standby();
    await clock.advance(10 * CONFIRM_MS);
    expect(await only.confirm()).toEqual(done);
    const next = await Client.standby();
    await clock.advance(10 * CONFIRM_MS);
    expect([only.active, next.active]).toEqual([true, false]);
  });

  test("does not count the time in which the bridge stood still", async () => {
    const active = await Client.attach();
    const [first, second] = [await Client.standby(), await Client.standby()];
    active.leave();
    await first.becomesActive();
    await clock.standStill(10 * CONFIRM_MS);
    expect([first.active, second.active]).toEqual([true, false]);
    await clock.advance(CONFIRM_MS);
    await second.becomesActive();
  });

  test("that can't be stored ends that client's stream, and the next one is promoted", async () => {
    const active = await Client.attach();
    const first = await Client.standby({ frameworkInfo: infoOf("another") });
    const second = await Client.standby();
    store.full = true;
    active.leave();
    await second.becomesActive();
    expect(await first.ended).toMatchObject({ reason: "STORE_UNAVAILABLE" });
    expect(hostnameOf(second)).toBeUndefined();
    store.full = false;
    await eventually(() => store.framework("name")?.leaseMs === LEASE_MS, { what: "a disk that is written" });
  });

  test("that nobody can have begins the lease", async () => {
    const active = await Client.attach();
    const only = await Client.standby({ frameworkInfo: infoOf("another") });
    store.full = true;
    active.leave();
    expect(await only.ended).toMatchObject({ reason: "STORE_UNAVAILABLE" });
    await eventually(() => sessions.find("name")?.leaseExpiresMs !== undefined, { what: "the lease" });
    store.full = false;
  });

  test("looks at the client's permissions again", async () => {
    const active = await Client.attach();
    let allowed = true;
    const admit = () => {
      if (!allowed) throw new BridgeError("PERMISSION_DENIED", "not any more");
    };
    const first = await Client.standby({ admit });
    const second = await Client.standby();
    allowed = false;
    active.leave();
    await second.becomesActive();
    expect(await first.ended).toMatchObject({ reason: "PERMISSION_DENIED" });
  });

  test("waits for a client that is attaching, and does not happen if that is active then", async () => {
    const active = await Client.attach();
    const waiting = await Client.standby();
    store.held = deferred();
    const attaching = Client.attach({ frameworkInfo: infoOf("another") });
    active.leave();
    store.held.resolve();
    expect((await attaching).active).toBe(true);
    expect(waiting.active).toBe(false);
  });

  test("that is not confirmed leaves the successor what only an update without a token said", async () => {
    const active = await Client.attach();
    const { send } = await master.subscriptions.next();
    await eventually(() => active.session.linkConnected, { what: "the link" });
    const [first, second] = [await Client.standby(), await Client.standby()];
    active.reads = false;
    const status = { taskId: { value: "lost" }, agentId: { value: "agent" }, state: TaskState.TASK_LOST };
    send({ type: Event_Type.UPDATE, update: { status } });
    await eventually(() => active.session.state.withoutToken.hasTask("lost"), { what: "the update" });
    active.leave();
    await first.becomesActive();
    expect(first.tasks).toEqual(["lost"]);
    await clock.advance(CONFIRM_MS);
    await second.becomesActive();
    expect(second.tasks).toEqual(["lost"]);
  });

  test("of a client that leaves meanwhile changes nothing of the framework", async () => {
    const active = await Client.attach();
    const gone = await Client.standby({ frameworkInfo: infoOf("gone"), expiryPolicy: "teardown" });
    const next = await Client.standby({ frameworkInfo: undefined });
    store.held = deferred();
    active.leave();
    gone.leave();
    store.held.resolve();
    await next.becomesActive();
    expect(hostnameOf(next)).toBeUndefined();
    expect(next.session.state.record.expiryPolicy).toBe("disconnect");
  });

  test("ends a teardown that the client before had asked for and that Mesos has not taken", async () => {
    const active = await Client.attach();
    const { connection } = await master.subscriptions.next();
    await eventually(() => active.session.linkConnected, { what: "the link" });
    const next = await Client.standby();
    master.answerCalls(false);
    const answer = active.call(active.id, CallType.TEARDOWN);
    await master.call("TEARDOWN");
    active.leave();
    await next.becomesActive();
    expect(reasonOf(await answer)).toBe("OUTCOME_UNKNOWN");
    master.answerCalls(true);
    connection.reset();
    await eventually(() => !next.session.linkConnected, { what: "the end of the link" });
    await clock.advance(20_000);
    await eventually(() => next.session.linkConnected, { what: "the link" });
    expect(await next.call()).toEqual(done);
    const teardowns = master.calls.all.filter((request) => request.call().type === Call_Type.TEARDOWN);
    expect(teardowns).toHaveLength(1);
  });

  test("is not undone by a SUPPRESS of the client before that Mesos takes later", async () => {
    const active = await Client.attach();
    await eventually(() => active.session.linkConnected, { what: "the link" });
    const next = await Client.standby();
    const suppressed = active.call(active.id, CallType.SUPPRESS);
    active.leave();
    await next.becomesActive();
    expect(await suppressed).toEqual(done);
    expect(next.session.state.suppression.subscribeRoles()).toEqual([]);
  });

  test("leaves clients that are all too slow more time in each round", async () => {
    let active = await Client.standby();
    for (let round = 1; round <= 3; round++) {
      const next = await Client.standby();
      await clock.advance(round * CONFIRM_MS - 1);
      expect(active.active).toBe(true);
      await clock.advance(1);
      await next.becomesActive();
      active = next;
    }
    expect(await active.confirm()).toEqual(done);
    active.leave();
    const first = await Client.standby();
    const second = await Client.standby();
    await clock.advance(CONFIRM_MS);
    await second.becomesActive();
    expect(await first.ended).toMatchObject({ reason: "ATTACHMENT_SUPERSEDED" });
  });

  test("follows a hand-over, and an operator's end", async () => {
    const active = await Client.attach();
    const [first, second, third] = [await Client.standby(), await Client.standby(), await Client.standby()];
    await sessions.closeSession("name", active.id, true);
    await first.becomesActive();
    expect(await active.ended).toBeUndefined();
    expect(reasonOf(await active.call())).toBe("NOT_ATTACHED");
    first.session.clients.expel(first.id);
    await second.becomesActive();
    expect(await first.ended).toMatchObject({ reason: "ATTACHMENT_ENDED" });
    third.session.clients.expel(third.id);
    expect(await third.ended).toMatchObject({ reason: "ATTACHMENT_ENDED" });
    expect(second.session.clients.standbys).toEqual([]);
    await sessions.closeSession("name", second.id, true);
    expect(second.session.leaseExpiresMs).toBe(clock.wallTime() + LEASE_MS);
    expect(reasonOf(await second.call())).toBe("NOT_ATTACHED");
  });
});
