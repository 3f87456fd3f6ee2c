import type { CallOutcome } from "../mesos/link/callOutcome.js";
import type { AcceptView, CallMessage } from "../mesos/messages/calls.js";
import { answerOf, OK } from "./answers.js";
import { type CallLog, outcomeOf } from "./callLog.js";
import type { CallOrder, HeldCall } from "./callOrder.js";
import { type Cookies, checkCookies } from "./cookies.js";
import { BridgeError, invalidField, storeUnavailable } from "./errors.js";
import type { TaskRecord } from "./frameworkStore.js";
import type { CallAnswer } from "./requestMemory.js";
import { observeGone, type SessionState } from "./sessionState.js";
import { settleOffers } from "./usedOffers.js";

/** What launches need of their session. */
export interface LaunchesHost {
  /** Sends a call on the link, for the session's framework; `done` is called once. */
  send(call: CallMessage, done: (outcome: CallOutcome) => void): void;
  /** Offers of a call that was not taken are open again, and nobody may be there to use them. */
  offersPutBack(): void;
  /** Mesos is to say what became of these tasks. */
  askAbout(taskIds: readonly string[]): void;
  /** A bug of the bridge. */
  fault(error: unknown): void;
}

type Answered = (answer: CallAnswer) => void;

/** A launch on its way. */
interface Launch {
  readonly call: CallMessage;
  readonly accept: AcceptView;
  /** Its tasks, but for ids that are in use already: these are Mesos's to refuse, and their tasks stay what they are. */
  readonly tasks: readonly TaskRecord[];
  /** Its tasks are on the disk before Mesos hears of it. */
  readonly isCommitted: boolean;
  readonly done: Answered;
}

/**
 * Launches, and all that accepts offers. The tasks of one with cookies are on the disk before Mesos hears of them; those
 * of others come to the disk soon. A task that Mesos has not taken is forgotten before the client is answered.
 */
export class Launches {
  readonly #state: SessionState;
  readonly #host: LaunchesHost;
  readonly #log: CallLog;
  readonly #order: CallOrder;

  constructor(state: SessionState, host: LaunchesHost, log: CallLog, order: CallOrder) {
    this.#state = state;
    this.#host = host;
    this.#log = log;
    this.#order = order;
  }

  /** Accepts offers. `done` is called once. @throws BridgeError INVALID_FIELD, LIMIT_REACHED */
  accept(call: CallMessage, accept: AcceptView, done: Answered, cookies?: Cookies): void {
    if (accept.offerIds.length === 0) throw invalidField("offer_ids", "must name at least one offer");
    const error = this.#gone(accept);
    if (error) return done({ error });
    const { tasks, store, record } = this.#state;
    const launched = accept.tasks.filter((task) => !tasks.has(task.taskId));
    const launch = { call, accept, done };
    if (!cookies || cookies.size === 0) return this.#send({ ...launch, tasks: launched, isCommitted: false });
    const ids = accept.tasks.map(({ taskId }) => taskId);
    checkCookies(cookies, ids, store.cookieBytes(record.frameworkName));
    this.#commit({ ...launch, tasks: launched.map((task) => withCookie(task, cookies)), isCommitted: true });
  }

  /** Calls that come later wait until this one is sent, so that they meet what it leaves. */
  #commit(launch: Launch): void {
    const { store, record } = this.#state;
    const committing = store.commitTasks(record.frameworkName, launch.tasks);
    const held = this.#order.hold();
    committing
      .then(
        () => this.#committed(launch, held),
        (error: unknown) => launch.done({ error: storeUnavailable(error) }),
      )
      .catch((error: unknown) => this.#host.fault(error))
      .finally(() => held.release())
      .catch((error: unknown) => this.#host.fault(error));
  }

  /** Meanwhile another client may have attached, and offers may be gone. */
  #committed(launch: Launch, { fence }: HeldCall): void {
    const error = fence() ?? this.#gone(launch.accept);
    if (error) this.#answerWithout(launch, taskIds(launch), { error });
    else this.#send(launch);
  }

  #gone({ offerIds }: AcceptView): BridgeError | undefined {
    const { offers } = this.#state;
    const gone = offerIds.filter((id) => !offers.has(id));
    return gone.length === 0 ? undefined : offersGone(gone);
  }

  #send(launch: Launch): void {
    const { tasks, store, record, offers, clock } = this.#state;
    const { accept } = launch;
    const used = offers.use(accept.offerIds);
    const { snapshots } = tasks;
    for (const task of launch.tasks) tasks.launched(task, clock.wallTime());
    if (!launch.isCommitted) store.putTasks(record.frameworkName, launch.tasks);
    observeGone(this.#state, "accepted", accept.offerIds);
    this.#observe("sent", accept, "");
    this.#host.send(launch.call, (outcome) => {
      const answer = answerOf(outcome, OK);
      const untaken = settleOffers(this.#state, offers, used, outcome, () => this.#host.offersPutBack());
      this.#observe(outcomeOf(outcome), accept, answer.error?.message ?? "");
      this.#logOutcome(accept, outcome, answer);
      if (untaken) return this.#notTaken(launch, answer, tasks.snapshots > snapshots);
      if (outcome.kind === "accepted") for (const { taskId } of launch.tasks) tasks.taken(taskId);
      launch.done(answer);
    });
  }

  /** @param isTold another client's snapshot has its tasks */
  #notTaken(launch: Launch, answer: CallAnswer, isTold: boolean): void {
    const { tasks } = this.#state;
    const ids = taskIds(launch);
    // That client hears from Mesos what became of them.
    if (isTold) {
      this.#host.askAbout(ids);
      return launch.done(answer);
    }
    for (const taskId of ids) tasks.notLaunched(taskId);
    this.#answerWithout(launch, ids, answer);
  }

  /** Answers when the disk does not show tasks any more that were not launched. */
  #answerWithout({ isCommitted, done }: Launch, ids: readonly string[], answer: CallAnswer): void {
    const { tasks, store, record } = this.#state;
    const { frameworkName } = record;
    const gone = ids.filter((taskId) => !tasks.has(taskId));
    if (!isCommitted) {
      for (const taskId of gone) store.removeTask(frameworkName, taskId);
      return done(answer);
    }
    // What can't be removed now is removed later, and if the bridge crashes before that, Mesos is asked about the task.
    store
      .commitRemovals(frameworkName, gone)
      .catch(() => {})
      .then(() => done(answer))
      .catch((error: unknown) => this.#host.fault(error));
  }

  #logOutcome({ tasks }: AcceptView, outcome: CallOutcome, answer: CallAnswer): void {
    const [first] = tasks;
    if (!first) return;
    // Mesos takes offers of one agent only.
    const about = { tasks: tasks.length, agent: first.agentId };
    this.#log.answered("launch", this.#state.record.frameworkName, { outcome, answer }, about);
  }

  #observe(outcome: "sent" | "accepted" | "refused" | "unknown", accept: AcceptView, message: string): void {
    const { hub, record, counts, clock } = this.#state;
    counts.launches[outcome] += accept.tasks.length;
    if (!hub.watched || accept.tasks.length === 0) return;
    const { frameworkName } = record;
    const tasks = accept.tasks.map((task) => task.bytes);
    const { offerIds } = accept;
    hub.emit({ kind: "launch", frameworkName, timeMs: clock.wallTime(), outcome, offerIds, tasks, message });
  }
}

/** With a cookie of its own, since one of a request is part of a larger buffer. */
function withCookie({ taskId, agentId }: TaskRecord, cookies: Cookies): TaskRecord {
  return { taskId, agentId, cookie: Buffer.from(cookies.get(taskId) ?? NO_COOKIE) };
}

const NO_COOKIE = new Uint8Array(0);

function taskIds({ tasks }: Launch): string[] {
  return tasks.map(({ taskId }) => taskId);
}

/** Ids that are told. */
const MAX_TOLD = 100;
/** Mesos makes no longer ones. */
const MAX_ID_LENGTH = 255;

/** The error is kept for retries, so it holds little whatever the client wrote. */
function offersGone(ids: readonly string[]): BridgeError {
  const told = ids.slice(0, MAX_TOLD).filter((id) => id.length <= MAX_ID_LENGTH);
  const one = told.length === 1 ? `offer ${told[0]} is` : "the offer is";
  const text = ids.length === 1 ? one : `${ids.length} of the offers are`;
  return new BridgeError("OFFER_GONE", `${text} no longer open: wait for new offers`, {
    metadata: { offer_ids: told.join(",") },
  });
}
