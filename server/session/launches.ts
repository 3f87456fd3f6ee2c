import type { CallOutcome } from "../mesos/link/callOutcome.js";
import type { AcceptView, CallMessage } from "../mesos/messages/calls.js";
import { answerOf, OK } from "./answers.js";
import type { CallContext } from "./callContext.js";
import { type CallLog, outcomeOf } from "./callLog.js";
import type { CallOrder, HeldCall } from "./callOrder.js";
import { type Cookies, cookieBytes } from "./cookies.js";
import { BridgeError, invalidField, notUndone, storeUnavailable } from "./errors.js";
import type { TaskRecord } from "./frameworkStore.js";
import type { CallAnswer } from "./requestMemory.js";
import { keysOf, type PreparedChanges, type SchedulerState, type StateChange } from "./schedulerState.js";
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
/** What the client wants to be remembered with its launch. */
type Content = Pick<CallContext, "cookies" | "state">;

/** A launch on its way. */
interface Launch {
  readonly call: CallMessage;
  readonly accept: AcceptView;
  /** Its tasks, but for ids that are in use already: these are Mesos's to refuse, and their tasks stay what they are. */
  readonly tasks: readonly TaskRecord[];
  /** What is committed with its tasks before Mesos hears of it. Undefined: its tasks come to the disk soon. */
  readonly committed: PreparedChanges | undefined;
  readonly done: Answered;
}

/**
 * Launches, and all that accepts offers. The tasks of one with cookies or changes of the state are on the disk before
 * Mesos hears of them, together with these; those of others come to the disk soon. A task that Mesos has not taken is
 * forgotten before the client is answered, and the changes of the state are undone.
 */
export class Launches {
  readonly #state: SessionState;
  readonly #host: LaunchesHost;
  readonly #log: CallLog;
  readonly #order: CallOrder;
  readonly #schedulerState: SchedulerState;

  constructor(state: SessionState, host: LaunchesHost, log: CallLog, order: CallOrder, schedulerState: SchedulerState) {
    this.#state = state;
    this.#host = host;
    this.#log = log;
    this.#order = order;
    this.#schedulerState = schedulerState;
  }

  /** Accepts offers. `done` is called once. @throws BridgeError INVALID_FIELD, LIMIT_REACHED, STATE_CHANGED */
  accept(call: CallMessage, accept: AcceptView, done: Answered, { cookies = NO_COOKIES, state = [] }: Content): void {
    if (accept.offerIds.length === 0) throw invalidField("offer_ids", "must name at least one offer");
    const make = () => this.#accept({ call, accept, done }, cookies, state);
    if (state.length === 0) return make();
    this.#schedulerState.whenFree(keysOf(state), done, make);
  }

  #accept(asked: Pick<Launch, "call" | "accept" | "done">, cookies: Cookies, changes: readonly StateChange[]): void {
    const { accept, done } = asked;
    const error = this.#gone(accept);
    if (error) return done({ error });
    const launched = accept.tasks.filter((task) => !this.#state.tasks.has(task.taskId));
    if (cookies.size + changes.length === 0) return this.#send({ ...asked, tasks: launched, committed: undefined });
    const ids = accept.tasks.map(({ taskId }) => taskId);
    const committed = this.#schedulerState.prepareLaunch(changes, cookieBytes(cookies, ids));
    this.#commit({ ...asked, tasks: launched.map((task) => withCookie(task, cookies)), committed }, committed);
  }

  /** Calls that come later wait until this one is sent, so that they meet what it leaves. */
  #commit(launch: Launch, { writes, release }: PreparedChanges): void {
    const { store, record } = this.#state;
    const committing = store.commit(record.frameworkName, { putTasks: launch.tasks, state: writes });
    const held = this.#order.hold();
    committing
      .then(
        () => this.#committed(launch, held),
        (error: unknown) => {
          release();
          launch.done({ error: storeUnavailable(error) });
        },
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
    const { accept, committed } = launch;
    const used = offers.use(accept.offerIds);
    const { snapshots } = tasks;
    for (const task of launch.tasks) tasks.launched(task, clock.wallTime());
    if (!committed) store.putTasks(record.frameworkName, launch.tasks);
    observeGone(this.#state, "accepted", accept.offerIds);
    this.#observe("sent", accept, "");
    this.#host.send(launch.call, (outcome) => {
      const answer = answerOf(outcome, committed ? { ...OK, stateVersion: committed.version } : OK);
      const untaken = settleOffers(this.#state, offers, used, outcome, () => this.#host.offersPutBack());
      this.#observe(outcomeOf(outcome), accept, answer.error?.message ?? "");
      this.#logOutcome(accept, outcome, answer);
      if (untaken) return this.#notTaken(launch, answer, tasks.snapshots > snapshots);
      if (outcome.kind === "accepted") for (const { taskId } of launch.tasks) tasks.taken(taskId);
      launch.done(answer);
      committed?.release();
    });
  }

  /** @param isTold another client's snapshot has its tasks */
  #notTaken(launch: Launch, answer: CallAnswer, isTold: boolean): void {
    const { tasks } = this.#state;
    const ids = taskIds(launch);
    // That client hears from Mesos what became of them.
    if (isTold) {
      this.#host.askAbout(ids);
      return this.#answerWithout(launch, [], answer);
    }
    for (const taskId of ids) tasks.notLaunched(taskId);
    this.#answerWithout(launch, ids, answer);
  }

  /** Answers when the disk does not show any more what was not launched, nor what was to be remembered with it. */
  #answerWithout({ committed, done }: Launch, ids: readonly string[], answer: CallAnswer): void {
    const { tasks, store, record } = this.#state;
    const { frameworkName } = record;
    const gone = ids.filter((taskId) => !tasks.has(taskId));
    if (!committed) {
      for (const taskId of gone) store.removeTask(frameworkName, taskId);
      return done(answer);
    }
    const undo = committed.undo();
    store
      .commitInTime(frameworkName, { removeTasks: gone, state: undo })
      .then(
        () => answer,
        // It is undone later. If the bridge crashes before that, Mesos is asked about the tasks, but nobody about the state.
        (error: unknown) => (undo.length === 0 ? answer : { error: notUndone(answer, error) }),
      )
      .then(done)
      .catch((error: unknown) => this.#host.fault(error))
      .finally(() => committed.release())
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

const NO_COOKIES: Cookies = new Map();
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
