import type { CallOutcome, Disconnection, FrameworkRefusal } from "../mesos/link/callOutcome.js";
import type { FrameworkLink } from "../mesos/link/frameworkLink.js";
import { type CallMessage, killCall, withFrameworkId } from "../mesos/messages/calls.js";
import { readPrincipal, rolesOf, subscribeCall, updatedFields } from "../mesos/messages/frameworkInfo.js";
import { OK } from "./answers.js";
import { Attachments } from "./attachments.js";
import type { CallContext } from "./callContext.js";
import { CallEntrance } from "./callEntrance.js";
import { CallOrder } from "./callOrder.js";
import { declineOpenOffers, giveOffersBack } from "./clientAway.js";
import { ClientCalls } from "./clientCalls.js";
import { Clients } from "./clients.js";
import { Confirmation } from "./confirmation.js";
import { warnOfDropped } from "./droppedUpdates.js";
import {
  BridgeError,
  internalError,
  invalidField,
  refusedSubscription,
  tornDownByLease,
  tornDownByOperator,
} from "./errors.js";
import { EventIntake } from "./eventIntake.js";
import type { FrameworkRecord, StateView } from "./frameworkStore.js";
import type { Guard } from "./guard.js";
import { Lease } from "./lease.js";
import { LinkStatus } from "./linkStatus.js";
import { OwnCalls } from "./ownCalls.js";
import { Presence } from "./presence.js";
import { type Question, Reconciler } from "./reconciler.js";
import type { RecordWriter } from "./recordWriter.js";
import { Repetition } from "./repetition.js";
import type { CallAnswer } from "./requestMemory.js";
import { sameSubscription } from "./sameRecord.js";
import { bytesOf, SchedulerState, type StateChange } from "./schedulerState.js";
import type { LinkState } from "./sessionEvent.js";
import type { SessionHost, SessionOptions } from "./sessionOptions.js";
import { newSessionState, observeGone, type SessionState } from "./sessionState.js";
import { Teardown } from "./teardown.js";
import type { CallTrace } from "./tracing.js";

/** Of one, roughly. */
const ACK_TOKEN_BYTES = 256;

/**
 * The bridge's side of one framework: holds its link, its open offers, its unacknowledged
 * updates and its tasks, and serves one client at a time: the newest, or the next of those that wait.
 */
export class Session {
  /** Which of its clients is active, and which wait. */
  readonly clients: Clients;
  readonly #options: SessionOptions;
  readonly #host: SessionHost;
  readonly #records: RecordWriter;
  readonly #state: SessionState;
  #link: FrameworkLink;
  readonly #intake: EventIntake;
  readonly #clientCalls: ClientCalls;
  readonly #repetitions: Repetition[] = [];
  readonly #own: OwnCalls;
  readonly #teardown: Teardown;
  readonly #presence: Presence;
  readonly #linkStatus: LinkStatus;
  readonly #reconciler: Reconciler;
  readonly #attachments: Attachments;
  readonly #entrance: CallEntrance;
  readonly #order: CallOrder;
  readonly #schedulerState: SchedulerState;
  #replaceRemoved = false;
  #mayTearDown: (() => boolean) | undefined;
  #isTornDownByOperator = false;
  /** Whether Mesos may have the framework: not before it was asked, and not if it refuses the first time. */
  #atMesos: "new" | "asked" | "known";
  #closed = false;

  /** @param records what is kept of the framework, which holds `record` */
  constructor(record: FrameworkRecord, records: RecordWriter, options: SessionOptions, host: SessionHost) {
    const { clock, randomness } = host.surroundings;
    this.#options = options;
    this.#host = host;
    this.#atMesos = host.isNew ? "new" : "known";
    this.#records = records;
    this.#state = newSessionState(record, records, clock, options);
    this.#attachments = new Attachments(this.#state.log, randomness);
    this.#entrance = new CallEntrance(host.gate, this.#attachments, host.running, () => this.clients.called());
    this.#order = new CallOrder(
      (attachmentId) => this.fence(attachmentId),
      (error) => this.#fault(error),
      host.callBudget,
    );
    this.#schedulerState = new SchedulerState({
      frameworkName: record.frameworkName,
      store: this.#state.store,
      order: this.#order,
      fault: (error) => this.#fault(error),
    });
    this.#linkStatus = new LinkStatus(this.#state, options.log, clock);
    const guard: Guard = (work) => this.#guarded(work);
    this.#link = this.#newLink();
    const { log } = options;
    const newRepetition = () => {
      const repetition = new Repetition({ log, frameworkName: () => this.frameworkName, guard, clock, randomness });
      this.#repetitions.push(repetition);
      return repetition;
    };
    this.#own = new OwnCalls({
      send: (call, done) => this.#sendFor(call, done),
      suppression: this.#state.suppression,
      repetition: newRepetition(),
    });
    this.#clientCalls = new ClientCalls(
      this.#state,
      {
        send: (call, done) => this.#sendFor(call, done),
        tearDown: (done) => {
          this.#isTornDownByOperator = false;
          this.#teardown.ask(done);
        },
        offersPutBack: () => {
          if (this.#state.suppression.away) declineOpenOffers(this.#state, this.#own);
        },
        frameworkUpdated: (payload) => this.#frameworkUpdated(payload),
        askAbout: (taskIds) => this.#reconciler.askAgain(this.#state.tasks.among(taskIds), false),
        fault: (error) => this.#fault(error),
      },
      host.callLog,
      this.#order,
      this.#schedulerState,
    );
    this.#teardown = new Teardown(
      {
        send: (call, done) => this.#sendFor(call, done),
        done: (asked) => {
          log.info({ framework: this.frameworkName, wantedBy: this.#teardownWantedBy(asked) }, "torn down");
          return this.#end("forget", this.#tornDown(asked));
        },
        repetition: newRepetition(),
        guard,
        clock,
      },
      options.callTimeoutMs,
    );
    this.#intake = new EventIntake(this.#state, {
      unread: (event) => event.sequence > this.#attachments.readSequence,
      declineOffers: (ids) => this.#own.declineOffers(ids),
      offerGone: (id) => this.#own.offerGone(id),
      acknowledgeAgain: (key, call) => this.#own.say(key, call),
      taskAnswered: (taskId) => this.#reconciler.answered(taskId),
      forgetReadUpdates: () => this.clients.forgetReadUpdates(),
      // A client that is there reads them from its stream, or does not, and attaches again.
      unreadDropped: () => this.attached || warnOfDropped(this.#state, log),
    });
    const lease = new Lease(
      { offerHoldMs: options.offerHoldMs ?? 5_000 },
      { holdOver: () => giveOffersBack(this.#state, this.#own), expired: () => this.#leaseExpired() },
      guard,
      { clock, running: host.running },
    );
    this.#presence = new Presence(lease, records, clock, (leaseMs) => {
      log.info({ framework: this.frameworkName, leaseMs, policy: this.#state.record.expiryPolicy }, "the lease begins");
    });
    const question = (call: CallMessage, about?: Question) => {
      options.counts.reconciliations[about ?? "tasks"]++;
      if (about === undefined) this.#own.sayOnce(call);
      else this.#own.say(about, call);
    };
    this.#reconciler = new Reconciler(options.reconciler ?? {}, question, guard, clock);
    this.clients = this.#newClients(guard);
  }

  #newClients(guard: Guard): Clients {
    const { surroundings, running, vacant } = this.#host;
    const overdue = () => this.clients.promotionOverdue();
    const confirmation = new Confirmation(overdue, guard, { clock: surroundings.clock, running });
    return new Clients(
      {
        state: this.#state,
        attachments: this.#attachments,
        presence: this.#presence,
        confirmation,
        own: this.#own,
        reconciler: this.#reconciler,
        log: this.#options.log,
      },
      {
        linkView: () => this.#linkStatus.view(this.#linkState),
        activated: ({ replaceRemoved, mayTearDown }, isOther) => {
          this.#replaceRemoved = replaceRemoved;
          this.#mayTearDown = mayTearDown;
          this.#teardown.withdraw();
          if (isOther && !this.#isTornDownByOperator) this.#teardown.abandon();
        },
        vacant,
        fault: (error) => this.#fault(error),
      },
    );
  }

  get frameworkName(): string {
    return this.#state.record.frameworkName;
  }

  /** What observers may see. */
  get state(): Readonly<SessionState> {
    return this.#state;
  }

  get attached(): boolean {
    return this.clients.active !== undefined;
  }

  get linkConnected(): boolean {
    return this.#link.connected;
  }

  /** When the lease of a detached session runs out, in ms since 1970. */
  get leaseExpiresMs(): number | undefined {
    return this.#presence.leaseExpiresMs;
  }

  /** Begins to subscribe. Without a client yet, its lease of `leaseMs` begins. */
  start(leaseMs?: number): void {
    this.#link.start();
    if (leaseMs !== undefined) this.#presence.left(leaseMs);
  }

  /** A client's wish has changed the record. Subscribes anew if Mesos has to know of the change. */
  recordChanged(before: FrameworkRecord): void {
    const { record, suppression } = this.#state;
    if (sameSubscription(before, record)) return;
    suppression.replaced(rolesOf(record.frameworkInfo), record.suppressedRoles);
    this.#link.restart();
  }

  /** A client is about to attach, and what it wants is being stored: meanwhile it does not lose its lease. */
  attaching(): void {
    this.#presence.returning();
  }

  /** The client is not attached after all, because the bridge could not: it has the whole lease to try again. */
  notAttached(): void {
    this.#presence.turnedAway(this.#state.record.leaseMs);
  }

  /** The client that was promoted shows that it is there. `done` is called exactly once. */
  confirm(attachmentId: string, requestId: string, done: (answer: CallAnswer) => void): void {
    this.#entrance.enter(attachmentId, requestId, done, (answered) => answered(OK));
  }

  /** Kills a task for an operator. `done` is called exactly once. @throws BridgeError INVALID_FIELD if it is not known */
  killTask(taskId: string, killPolicy: Uint8Array | undefined, done: (answer: CallAnswer) => void): void {
    const task = this.#state.tasks.find(taskId);
    if (!task)
      throw invalidField(
        "task_id",
        "is not a task that runs, as far as the bridge knows: see ObserverService.ListTasks",
      );
    const call = killCall(taskId, task.agentId, killPolicy);
    this.#entrance.enterAsOperator(done, (answered) => this.#clientCalls.perform(call, answered));
  }

  /** Tears the framework down for an operator: its client hears of it. `done` is called exactly once. */
  tearDown(done: (answer: CallAnswer) => void): void {
    this.#entrance.enterAsOperator(done, (answered) => {
      this.#isTornDownByOperator = true;
      this.#teardown.ask((answer) => {
        // What may still happen is this one's doing.
        this.#isTornDownByOperator = answer.error?.reason === "OUTCOME_UNKNOWN";
        answered(answer);
      });
    });
  }

  /**
   * Makes a call. `done` is called exactly once.
   *
   * @throws WireError; what the context's check throws
   */
  call(
    attachmentId: string,
    requestId: string,
    call: CallMessage,
    done: (answer: CallAnswer) => void,
    context?: CallContext,
  ): void {
    this.#entrance.enter(attachmentId, requestId, done, (answered) =>
      this.#order.run(
        attachmentId,
        call.payload.length,
        () => this.#clientCalls.perform(call, answered, context),
        answered,
      ),
    );
  }

  /** Acknowledges updates by their tokens, in order. `done` is called exactly once. */
  acknowledge(
    attachmentId: string,
    requestId: string,
    tokens: readonly string[],
    done: (answer: CallAnswer) => void,
    trace?: CallTrace,
  ): void {
    this.#entrance.enter(attachmentId, requestId, done, (answered) =>
      this.#order.run(
        attachmentId,
        tokens.length * ACK_TOKEN_BYTES,
        () => this.#clientCalls.acknowledge(tokens, answered, trace),
        answered,
      ),
    );
  }

  /**
   * Reads keys of the scheduler's state, or all of it. `read` is called before `done`, unless that gets an error. `done`
   * is called exactly once.
   */
  readState(
    attachmentId: string,
    keys: readonly string[] | "all",
    read: (state: StateView) => void,
    done: (answer: CallAnswer) => void,
  ): void {
    // Its answer is not remembered for a retry: that reads again.
    this.#entrance.enter(attachmentId, "", done, (answered) =>
      this.#order.run(attachmentId, 0, () => this.#schedulerState.read(keys, read, answered), answered),
    );
  }

  /**
   * Changes keys of the scheduler's state. `done` is called exactly once, when they are on the disk.
   *
   * @throws BridgeError STATE_CHANGED, LIMIT_REACHED
   */
  changeState(
    attachmentId: string,
    requestId: string,
    changes: readonly StateChange[],
    done: (answer: CallAnswer) => void,
  ): void {
    this.#entrance.enter(attachmentId, requestId, done, (answered) =>
      this.#order.run(attachmentId, bytesOf(changes), () => this.#schedulerState.change(changes, answered), answered),
    );
  }

  /** Why this attachment may not call, if it may not. */
  fence(attachmentId: string): BridgeError | undefined {
    return this.#entrance.fence(attachmentId);
  }

  /** Ends the session and its link; what is stored stays. */
  async close(error: BridgeError | undefined): Promise<void> {
    this.#shut(error);
    await this.#link.close();
  }

  #newLink(): FrameworkLink {
    const { frameworkInfo } = this.#state.record;
    return this.#options.links.open(this.frameworkName, readPrincipal(frameworkInfo), {
      subscribeCall: () => this.#subscribeCall(),
      onConnected: (master) => this.#onConnected(master),
      onEvents: (events) => this.#onEvents(events),
      onDisconnected: (disconnection) => this.#onDisconnected(disconnection),
      onRefused: (refusal) => this.#onRefused(refusal),
      onCredentialsReplaced: () => this.#onCredentialsReplaced(),
      onFault: (error) => this.#fault(error),
    });
  }

  get #linkState(): LinkState {
    return this.#link.connected ? "connected" : "connecting";
  }

  #subscribeCall(): Uint8Array {
    // A second call may come after one that Mesos took, though its answer was lost.
    this.#atMesos = this.#atMesos === "new" ? "asked" : "known";
    const { record, suppression } = this.#state;
    return subscribeCall({ ...record, suppressedRoles: suppression.subscribing() });
  }

  #onConnected(master: string): void {
    this.#atMesos = "known";
    this.#linkStatus.connected(master);
    this.#own.subscribed();
    this.#reconciler.start(this.#state.tasks.active());
    this.#teardown.connected();
  }

  #onEvents(events: readonly Uint8Array[]): void {
    if (this.#closed) return;
    this.#intake.take(events, this.#state.clock.wallTime());
    this.#attachments.current?.wake();
  }

  /** What Mesos refused for its old credentials may be taken now. */
  #onCredentialsReplaced(): void {
    if (this.#closed) return;
    for (const repetition of this.#repetitions) repetition.tryNow();
  }

  #onDisconnected(disconnection: Disconnection): void {
    if (this.#closed) return;
    this.#reconciler.stop();
    this.#own.disconnected();
    this.#teardown.disconnected();
    observeGone(this.#state, "lost", this.#state.offers.clear());
    this.#state.inverseOffers.clear();
    if (this.#linkStatus.disconnected(disconnection, this.#teardown.underWay)) this.#attachments.current?.wake();
  }

  #onRefused(refusal: FrameworkRefusal): void {
    if (this.#closed) return;
    const { log } = this.#options;
    const removed = refusal.cause === "removed";
    if (removed && this.#teardown.removed()) return;
    log.warn({ framework: this.frameworkName, reason: refusal.message }, "Mesos refuses the subscription");
    if (removed && this.#replaceRemoved) return this.#replaceFramework();
    // Of a framework that Mesos never had there is nothing to keep. It may come back with another user.
    const next = this.#atMesos === "asked" ? "forget" : "keep";
    this.#beginEnd(refusedSubscription(refusal, this.#state.record.frameworkId), next);
  }

  /** Mesos has removed the framework, and the client wants to continue as a new one. */
  #replaceFramework(): void {
    const { tasks, unacknowledged, withoutToken } = this.#state;
    const frameworkId = this.#host.surroundings.randomness.uuid();
    tasks.clear();
    unacknowledged.clear();
    withoutToken.clear();
    this.#reconciler.clear();
    this.#own.clear();
    this.#records
      .replace((record) => ({ ...record, frameworkId }))
      .then(
        () => {
          if (this.#closed) return;
          this.#link = this.#newLink();
          this.#link.start();
        },
        (error: BridgeError) => this.#end("keep", error),
      )
      .catch((error: unknown) => this.#fault(error));
  }

  /** What the client is told of a teardown. One that asked for it itself is told by the answer. */
  #tornDown(asked: boolean): BridgeError | undefined {
    if (this.#isTornDownByOperator) return tornDownByOperator();
    return asked ? undefined : tornDownByLease();
  }

  #teardownWantedBy(asked: boolean): "operator" | "client" | "lease" {
    if (this.#isTornDownByOperator) return "operator";
    return asked ? "client" : "lease";
  }

  #leaseExpired(): void {
    const { expiryPolicy } = this.#state.record;
    const { frameworkName } = this;
    this.#options.log.info({ framework: frameworkName, policy: expiryPolicy }, "the lease ran out");
    this.#options.counts.leaseExpiries[expiryPolicy]++;
    const tearsDown = expiryPolicy === "teardown" && this.#mayTearDown?.() !== false;
    if (expiryPolicy === "teardown" && !tearsDown) {
      const message = "the framework is not torn down: the permission of the client that asked for it is withdrawn";
      this.#options.log.warn({ framework: frameworkName }, message);
    }
    if (tearsDown) this.#teardown.demand(this.#link.connected);
    else this.#beginEnd(new BridgeError("LEASE_EXPIRED", "the lease ran out"));
  }

  #frameworkUpdated(payload: Uint8Array): void {
    this.#options.log.info({ framework: this.frameworkName, bytes: payload.length }, "the framework was updated");
    const fields = updatedFields(payload);
    this.#state.suppression.updated(rolesOf(fields.frameworkInfo), fields.suppressedRoles);
    this.#records.change((record) => ({ ...record, ...fields }));
    this.#own.rolesChanged();
  }

  /** Sends a call of this framework; `done` is called once. A fault in `done` is the session's, not the link's. */
  #sendFor(call: CallMessage, done: (outcome: CallOutcome) => void): void {
    const { frameworkId } = this.#state.record;
    this.#link.send(withFrameworkId(call, frameworkId), (outcome) => this.#guarded(() => done(outcome)));
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fault(error);
    }
  }

  /** This session ran into a bug of the bridge: it ends, and everything else continues. */
  #fault(error: unknown): void {
    if (this.#closed) return;
    this.#options.log.error({ framework: this.frameworkName, err: error }, "the session failed and ends");
    this.#beginEnd(internalError());
  }

  /** Ends the session, and by default keeps the framework. */
  #beginEnd(error: BridgeError, next: "keep" | "forget" = "keep"): void {
    this.#end(next, error).catch((err: unknown) => {
      this.#options.log.error({ framework: this.frameworkName, err }, "the session failed while it ended");
    });
  }

  /** Ends the session. The client's stream ends when that is remembered: then no list shows what is gone. */
  async #end(next: "keep" | "forget", error?: BridgeError): Promise<void> {
    if (this.#closed) return;
    this.#stop();
    await this.#host.ended(next);
    this.#attachments.end(error);
  }

  #shut(error: BridgeError | undefined): void {
    if (this.#closed) return;
    this.#stop();
    this.#attachments.end(error);
  }

  #stop(): void {
    this.#closed = true;
    this.#entrance.close();
    this.#presence.end();
    this.clients.end();
    this.#reconciler.stop();
    this.#own.end();
    this.#linkStatus.end();
    this.#teardown.end();
    observeGone(this.#state, "lost", this.#state.offers.clear());
  }
}
