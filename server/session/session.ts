import { randomUUID } from "node:crypto";
import type { CallOutcome } from "../mesos/callConnection.js";
import { buildCall, CallType, declineCall, rolesCall, withFrameworkId } from "../mesos/calls.js";
import { EventType, rescindEvent } from "../mesos/events.js";
import { Link, type LinkOptions } from "../mesos/link.js";
import { Attachment, type AttachmentSink } from "./attachment.js";
import { CallDesk } from "./callDesk.js";
import {
  BridgeError,
  notAttached,
  refusedSubscription,
  storeUnavailable,
  superseded,
  tornDownByLease,
} from "./errors.js";
import { EventIntake, mesosBody } from "./eventIntake.js";
import { EventLog, type EventLogOptions } from "./eventLog.js";
import { rolesOf, subscribeCall, updatedFields, withId } from "./frameworkInfo.js";
import type { FrameworkRecord, FrameworkStore } from "./frameworkStore.js";
import { Lease } from "./lease.js";
import type { ObserverHub } from "./observerHub.js";
import { OpenOffers } from "./openOffers.js";
import { Reconciler, type ReconcilerOptions } from "./reconciler.js";
import { type CallAnswer, RequestMemory } from "./requestMemory.js";
import { progress, type SessionEvent, type SessionEventBody } from "./sessionEvent.js";
import { observeOffers, type SessionState } from "./sessionState.js";
import { Suppression } from "./suppression.js";
import { KnownTasks } from "./tasks.js";
import { Teardown } from "./teardown.js";
import { TokenlessUpdates } from "./tokenlessUpdates.js";
import { OwedUpdates } from "./updates.js";

export interface SessionOptions {
  readonly link: LinkOptions;
  readonly store: FrameworkStore;
  readonly hub: ObserverHub;
  /** How long open offers are kept for an absent client, in ms. Default 5,000. */
  readonly offerHoldMs?: number;
  readonly eventLog?: EventLogOptions;
  readonly reconciler?: ReconcilerOptions;
}

/** What the keeper of a session has to do when it ends by itself. */
export interface SessionHost {
  /** The session is over and must not be used any more. Resolves once that is remembered; never rejects. */
  ended(session: Session, next: "keep" | "forget"): Promise<void>;
}

/** Where a broken stream ended. */
export interface Resume {
  readonly attachmentId: string;
  readonly afterSequence: number;
}

export interface AttachOptions {
  readonly resume: Resume | undefined;
  readonly defaultedFields: readonly string[];
  /** Go on as a new framework if Mesos says that this one has been removed. */
  readonly replaceRemoved: boolean;
}

/** Of a link that has not told anything yet. */
const NOT_TRIED = "looking for a master";
const REMEMBERED_ATTACHMENTS = 64;

/**
 * The bridge's side of one framework: holds its link, its open offers, its unacknowledged
 * updates and its tasks, and serves one client at a time, the newest.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #host: SessionHost;
  readonly #state: SessionState;
  #link: Link;
  readonly #intake: EventIntake;
  readonly #desk: CallDesk;
  readonly #teardown: Teardown;
  readonly #lease: Lease;
  readonly #reconciler: Reconciler;
  readonly #requests = new RequestMemory();
  /** Ids of the attachments of this session, the newest last. */
  #attachmentIds: string[] = [];
  #attachment: Attachment | undefined;
  /** Sequence up to which some client has read. */
  #readSequence = 0;
  /** The same, but only of clients that were handed their whole snapshot. */
  #seenSequence = 0;
  #leaseExpiresMs: number | undefined;
  #master = "";
  #linkReason = NOT_TRIED;
  #replaceRemoved = false;
  #closed = false;

  constructor(record: FrameworkRecord, options: SessionOptions, host: SessionHost) {
    const { store, hub } = options;
    this.#options = options;
    this.#host = host;
    this.#state = {
      record,
      store,
      hub,
      log: new EventLog(options.eventLog),
      offers: new OpenOffers("offers"),
      inverseOffers: new OpenOffers("inverse-offers"),
      owed: new OwedUpdates(),
      tokenless: new TokenlessUpdates(),
      tasks: new KnownTasks(),
      suppression: new Suppression(rolesOf(record.frameworkInfo), record.suppressedRoles),
    };
    for (const task of store.tasks(record.frameworkName)) this.#state.tasks.launched(task, Date.now());
    this.#link = this.#newLink();
    this.#desk = new CallDesk(this.#state, {
      send: (call, done) => this.#link.send(call, done),
      tearDown: (done) => this.#teardown.ask(done),
      frameworkUpdated: (payload) => this.#frameworkUpdated(payload),
    });
    this.#teardown = new Teardown({
      frameworkId: () => this.#state.record.frameworkId,
      send: (call, done) => this.#link.send(call, done),
      done: (asked) => this.#end("forget", asked ? undefined : tornDownByLease()),
    });
    this.#intake = new EventIntake(this.#state, {
      unread: (event) => event.sequence > (this.#attachment?.readSequence ?? this.#readSequence),
      declineOffers: (ids) => this.#send(declineCall(ids)),
      acknowledgeAgain: (call) => this.#send(call),
      taskAnswered: (taskId) => this.#reconciler.answered(taskId),
      forgetReadUpdates: () => this.#forgetReadUpdates(),
    });
    this.#lease = new Lease(
      { offerHoldMs: options.offerHoldMs ?? 5_000 },
      { holdOver: () => this.#holdOver(), expired: () => this.#leaseExpired() },
    );
    this.#reconciler = new Reconciler(options.reconciler ?? {}, (call) => this.#send(call));
  }

  get frameworkName(): string {
    return this.#state.record.frameworkName;
  }

  /** What observers may see. */
  get state(): Readonly<SessionState> {
    return this.#state;
  }

  get attached(): boolean {
    return this.#attachment !== undefined;
  }

  get linkConnected(): boolean {
    return this.#link.connected;
  }

  /** When the lease of a detached session runs out, in ms since 1970. */
  get leaseExpiresMs(): number | undefined {
    return this.#leaseExpiresMs;
  }

  /** Begins to subscribe. Without a client yet, `leaseMs` is what is left of the lease. */
  start(leaseMs?: number): void {
    this.#link.start();
    if (leaseMs !== undefined) this.#detached(leaseMs);
  }

  /** Takes a changed record that is stored already. Subscribes anew if Mesos has to know of the change. */
  update(record: FrameworkRecord): void {
    const old = this.#state.record;
    this.#state.record = record;
    const same =
      Buffer.compare(old.frameworkInfo, record.frameworkInfo) === 0 &&
      Buffer.compare(old.offerConstraints, record.offerConstraints) === 0 &&
      old.suppressedRoles.join("\n") === record.suppressedRoles.join("\n");
    if (same) return;
    this.#state.suppression.replaced(rolesOf(record.frameworkInfo), record.suppressedRoles);
    this.#link.restart();
  }

  /** Attaches a client. An older attachment ends as superseded. */
  attach(options: AttachOptions, sink: AttachmentSink): Attachment {
    if (this.#attachment) this.#noteRead(this.#attachment);
    this.#attachment?.end(superseded("stream"));
    this.#lease.stop();
    // The new record is stored already. But where the client before was lost in the meantime, its loss was stored later.
    if (this.#leaseExpiresMs !== undefined) this.#remember({ ...this.#state.record, detachedAtMs: undefined });
    this.#leaseExpiresMs = undefined;
    this.#replaceRemoved = options.replaceRemoved;
    this.#teardown.withdraw();
    const { log } = this.#state;
    const resumed = this.#canResume(options.resume);
    const next = resumed && options.resume ? options.resume.afterSequence + 1 : log.lastSequence + 1;
    const attachment = new Attachment(log, next, sink);
    this.#attachment = attachment;
    this.#attachmentIds = [...this.#attachmentIds.slice(1 - REMEMBERED_ATTACHMENTS), attachment.id];
    const opened = this.#opened(attachment, resumed, options.defaultedFields);
    attachment.begin(resumed ? [opened] : [opened, ...this.#snapshot()]);
    this.#welcomeBack(resumed);
    return attachment;
  }

  /** The client's stream is gone. An attachment that is not the newest has no say any more. */
  detach(attachment: Attachment): void {
    this.#noteRead(attachment);
    if (attachment !== this.#attachment) return;
    this.#attachment = undefined;
    attachment.end();
    if (!this.#closed) this.#detached(this.#state.record.leaseMs);
  }

  #noteRead(attachment: Attachment): void {
    this.#readSequence = Math.max(this.#readSequence, attachment.readSequence);
    if (attachment.snapshotRead) this.#seenSequence = Math.max(this.#seenSequence, attachment.readSequence);
    this.#forgetReadUpdates();
  }

  #forgetReadUpdates(): void {
    const { tokenless, store, record } = this.#state;
    const read = this.#attachment?.snapshotRead ? this.#attachment.readSequence : 0;
    for (const taskId of tokenless.forgetRead(Math.max(this.#seenSequence, read))) {
      store.removeTask(record.frameworkName, taskId);
    }
  }

  /** Makes a serialized call without framework id. `done` is called exactly once. @throws WireError */
  call(attachmentId: string, requestId: string, call: Uint8Array, done: (answer: CallAnswer) => void): void {
    this.#fenced(attachmentId, requestId, done, (answered) => this.#desk.perform(call, answered));
  }

  /** Acknowledges updates by their tokens, in order. `done` is called exactly once. */
  acknowledge(
    attachmentId: string,
    requestId: string,
    tokens: readonly string[],
    done: (answer: CallAnswer) => void,
  ): void {
    this.#fenced(attachmentId, requestId, done, (answered) => this.#desk.acknowledge(tokens, answered));
  }

  /** Why this attachment may not call, if it may not. */
  fence(attachmentId: string): BridgeError | undefined {
    if (this.#closed) return new BridgeError("FRAMEWORK_NOT_FOUND", "the session has ended: attach again");
    if (attachmentId === this.#attachmentIds.at(-1)) return undefined;
    return this.#attachmentIds.includes(attachmentId) ? superseded("call") : notAttached();
  }

  /** Ends the session and its link; what is stored stays. */
  async close(error: BridgeError | undefined): Promise<void> {
    this.#shut(error);
    await this.#link.close();
  }

  #newLink(): Link {
    return new Link(this.#options.link, {
      subscribeCall: () => this.#subscribeCall(),
      onConnected: (master) => this.#onConnected(master),
      onEvents: (events) => this.#onEvents(events),
      onDisconnected: (reason) => this.#onDisconnected(reason),
      onRefused: (message) => this.#onRefused(message),
    });
  }

  #fenced(
    attachmentId: string,
    requestId: string,
    done: (answer: CallAnswer) => void,
    perform: (answered: (answer: CallAnswer) => void) => void,
  ): void {
    const error = this.fence(attachmentId);
    if (error) return done({ error });
    if (requestId === "") return perform(done);
    if (!this.#requests.begin(requestId, Date.now(), done)) return;
    try {
      perform((answer) => {
        this.#requests.answered(requestId, answer);
        done(answer);
      });
    } catch (error) {
      // What can't be read was not sent, and gets no answer that a retry could wait for.
      this.#requests.abandoned(requestId);
      throw error;
    }
  }

  #canResume(resume: Resume | undefined): boolean {
    if (!resume || !this.#attachmentIds.includes(resume.attachmentId)) return false;
    const { firstSequence, lastSequence } = this.#state.log;
    return resume.afterSequence >= firstSequence - 1 && resume.afterSequence <= lastSequence;
  }

  #opened(attachment: Attachment, resumed: boolean, defaultedFields: readonly string[]): SessionEvent {
    const { record, log } = this.#state;
    const body: SessionEventBody = {
      kind: "opened",
      attachmentId: attachment.id,
      frameworkId: record.frameworkId,
      leaseMs: record.leaseMs,
      resumed,
      frameworkInfo: withId(record.frameworkInfo, record.frameworkId),
      defaultedFields,
      linkState: this.#link.connected ? "connected" : "connecting",
    };
    const sequence = resumed ? attachment.readSequence : log.lastSequence;
    return { sequence, receiveTimeMs: Date.now(), ackToken: "", fragment: false, body };
  }

  #snapshot(): SessionEvent[] {
    const { offers, inverseOffers, owed, log } = this.#state;
    const events: SessionEvent[] = [];
    const receiveTimeMs = Date.now();
    const sequence = log.lastSequence;
    const add = (open: OpenOffers, type: number) => {
      const pieces = open.events(open.values());
      for (const [i, { bytes }] of pieces.entries()) {
        const fragment = i < pieces.length - 1;
        events.push({ sequence, receiveTimeMs, ackToken: "", fragment, body: mesosBody(type, bytes) });
      }
    };
    // Who attaches while there is no master learns why; what the link said before is not told again.
    const [reason, master] = [this.#linkReason, this.#master];
    if (!this.#link.connected && reason !== "" && reason !== NOT_TRIED) {
      const body: SessionEventBody = { kind: "link-changed", state: "connecting", reason, master };
      events.push({ sequence, receiveTimeMs, ackToken: "", fragment: false, body });
    }
    add(offers, EventType.OFFERS);
    add(inverseOffers, EventType.INVERSE_OFFERS);
    for (const { event } of owed.values()) events.push({ ...event, sequence });
    for (const event of this.#state.tokenless.events()) events.push({ ...event, sequence });
    events.push(progress(sequence, true, receiveTimeMs));
    return events;
  }

  #subscribeCall(): Uint8Array {
    const { record, suppression } = this.#state;
    return subscribeCall({ ...record, suppressedRoles: suppression.subscribeRoles() });
  }

  #onConnected(master: string): void {
    this.#master = master;
    this.#linkReason = "";
    this.#append({ kind: "link-changed", state: "connected", reason: "subscribed", master });
    this.#options.link.log.info({ framework: this.frameworkName, master }, "subscribed");
    this.#reconciler.start(this.#state.tasks.active());
    this.#teardown.connected();
  }

  #onEvents(events: readonly Uint8Array[]): void {
    if (this.#closed) return;
    this.#intake.take(events, Date.now());
    this.#attachment?.wake();
  }

  #onDisconnected(reason: string): void {
    if (this.#closed) return;
    this.#reconciler.stop();
    observeOffers(this.#state, "lost", [], this.#state.offers.clear());
    this.#state.inverseOffers.clear();
    if (reason === this.#linkReason) return;
    this.#options.link.log.warn({ framework: this.frameworkName, reason }, "no subscription");
    this.#linkReason = reason;
    this.#append({ kind: "link-changed", state: "connecting", reason, master: this.#master });
    this.#attachment?.wake();
  }

  #onRefused(message: string): void {
    if (this.#closed) return;
    this.#options.link.log.warn({ framework: this.frameworkName, reason: message }, "Mesos refuses the subscription");
    const removed = message === "Framework has been removed";
    if (removed && this.#teardown.removed()) return;
    if (removed && this.#replaceRemoved) return this.#replaceFramework();
    void this.#end("keep", refusedSubscription(message, this.#state.record.frameworkId));
  }

  /** Mesos has removed the framework, and the client wants to go on as a new one. */
  #replaceFramework(): void {
    const { store, record, tasks, owed } = this.#state;
    const replacement = { ...record, frameworkId: randomUUID() };
    this.#state.record = replacement;
    tasks.clear();
    owed.clear();
    this.#state.tokenless.clear();
    const stored = store.remove(record.frameworkName).then(() => store.put(replacement));
    stored.then(
      () => {
        if (this.#closed) return;
        this.#link = this.#newLink();
        this.#link.start();
      },
      (error: unknown) => void this.#end("keep", storeUnavailable(error)),
    );
  }

  #append(body: SessionEventBody): void {
    const { log, hub } = this.#state;
    const event = log.append(body, Date.now());
    if (hub.watched) hub.emit({ kind: "event", frameworkName: this.frameworkName, event });
  }

  #detached(leaseMs: number): void {
    this.#leaseExpiresMs = Date.now() + leaseMs;
    this.#lease.start(leaseMs);
    this.#remember({ ...this.#state.record, detachedAtMs: this.#leaseExpiresMs - this.#state.record.leaseMs });
  }

  #holdOver(): void {
    const { suppression, offers, log } = this.#state;
    suppression.setAway(true);
    const ids = offers.clear();
    if (ids.length > 0) {
      this.#send(declineCall(ids));
      observeOffers(this.#state, "declined", [], ids);
      // Who resumes has to learn that these are gone.
      for (const id of ids) log.append(mesosBody(EventType.RESCIND, rescindEvent(id)), Date.now());
    }
    this.#send(buildCall(CallType.SUPPRESS));
  }

  #welcomeBack(resumed: boolean): void {
    const { suppression, record } = this.#state;
    // Who resumes goes on where it was. A new client says itself what it does not want, as in Mesos's SUBSCRIBE:
    // it can't know what the one before it had suppressed since.
    const change = resumed ? undefined : suppression.reset(record.suppressedRoles);
    const revive = suppression.away ? suppression.wantedRoles() : (change?.revived ?? []);
    const suppress = suppression.away ? [] : (change?.suppressed ?? []);
    suppression.setAway(false);
    if (revive.length > 0) this.#send(rolesCall(CallType.REVIVE, revive));
    if (suppress.length > 0) this.#send(rolesCall(CallType.SUPPRESS, suppress));
  }

  #leaseExpired(): void {
    const { expiryPolicy } = this.#state.record;
    this.#options.link.log.info({ framework: this.frameworkName, policy: expiryPolicy }, "the lease ran out");
    if (expiryPolicy === "teardown") this.#teardown.demand(this.#link.connected);
    else void this.#end("keep", new BridgeError("LEASE_EXPIRED", "the lease ran out"));
  }

  #frameworkUpdated(payload: Uint8Array): void {
    this.#options.link.log.info({ framework: this.frameworkName, bytes: payload.length }, "the framework was updated");
    const record = { ...this.#state.record, ...updatedFields(payload) };
    this.#state.suppression.replaced(rolesOf(record.frameworkInfo), record.suppressedRoles);
    this.#remember(record);
  }

  /** Sends a call of the bridge's own; a failure shows in the link, or does not matter. */
  #send(call: Uint8Array): void {
    this.#link.send(withFrameworkId(call, this.#state.record.frameworkId), (_outcome: CallOutcome) => {});
  }

  #remember(record: FrameworkRecord): void {
    this.#state.record = record;
    this.#state.store.put(record).catch((error: unknown) => {
      this.#options.link.log.error({ framework: this.frameworkName, err: error }, "the framework could not be stored");
    });
  }

  #end(next: "keep" | "forget", error?: BridgeError): Promise<void> {
    this.#shut(error);
    return this.#host.ended(this, next);
  }

  #shut(error: BridgeError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#lease.stop();
    this.#reconciler.stop();
    this.#teardown.end();
    observeOffers(this.#state, "lost", [], this.#state.offers.clear());
    this.#attachment?.end(error);
  }
}
