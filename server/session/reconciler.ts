import type { Clock, Timer } from "../../wire/clock.js";
import { buildCall, type CallMessage, CallType, reconcileCall } from "../mesos/messages/calls.js";
import type { Guard } from "./guard.js";
import type { KnownTask } from "./tasks.js";

export interface ReconcilerOptions {
  /** First wait for answers, in ms; doubles up to `maxWaitMs`. Default 5,000. */
  readonly initialWaitMs?: number;
  /** Default 60,000. */
  readonly maxWaitMs?: number;
  /** How often all tasks are asked for, in ms. Default 15 min, as Mesos advises. */
  readonly intervalMs?: number;
}

/** What Mesos has to be told of a task to answer for it. */
export type AskedTask = Pick<KnownTask, "taskId" | "taskIdBytes" | "agentIdBytes">;

/**
 * Sends a call. One that is `about` something is repeated until Mesos has taken it; without that it is this reconciler
 * that asks again.
 */
export type SendQuestion = (call: CallMessage, about?: Question) => void;

/** What is asked about where single tasks are not named. */
export type Question = "all tasks" | "all operations";

/** Tasks asked for in one call. */
const BATCH_TASKS = 1_000;

/**
 * Asks Mesos for the state of unfinished tasks after each new subscription, again and again until
 * each is answered, and from then on for all tasks at an interval. Mesos does not answer for
 * agents that have not come back yet, so one question is not enough.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #send: SendQuestion;
  readonly #guard: Guard;
  readonly #clock: Clock;
  /** Tasks that Mesos has not answered for. */
  #unanswered = new Map<string, AskedTask>();
  /** Asked for beside the unfinished ones, until Mesos says something about them. */
  readonly #missing = new Map<string, AskedTask>();
  #operationsMissing = false;
  #subscribed = false;
  #waitMs = 0;
  #timer: Timer | undefined;

  constructor(options: ReconcilerOptions, send: SendQuestion, guard: Guard, clock: Clock) {
    this.#options = options;
    this.#send = send;
    this.#guard = guard;
    this.#clock = clock;
  }

  /** A new subscription stands. */
  start(tasks: Iterable<AskedTask>): void {
    this.stop();
    this.#subscribed = true;
    this.#begin(tasks);
  }

  /**
   * Asks for these too, now or as soon as a subscription stands: what Mesos said of them is lost.
   *
   * @param operations whether to ask for all operations as well, once
   */
  askAgain(tasks: Iterable<AskedTask>, operations: boolean): void {
    for (const task of tasks) this.#missing.set(task.taskId, task);
    this.#operationsMissing ||= operations;
    if (this.#subscribed) this.#begin([]);
  }

  /** The subscription is gone. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#unanswered = new Map();
    this.#subscribed = false;
  }

  /** The framework is another one from now on: its tasks are not those that were asked for. */
  clear(): void {
    this.stop();
    this.#missing.clear();
    this.#operationsMissing = false;
  }

  /** Mesos said something about the task. */
  answered(taskId: string): void {
    if (this.#unanswered.size > 0) this.#unanswered.delete(taskId);
    if (this.#missing.size > 0) this.#missing.delete(taskId);
  }

  #begin(tasks: Iterable<AskedTask>): void {
    this.#timer?.cancel();
    for (const task of tasks) this.#unanswered.set(task.taskId, task);
    for (const [taskId, task] of this.#missing) this.#unanswered.set(taskId, task);
    if (this.#operationsMissing) this.#send(buildCall(CallType.RECONCILE_OPERATIONS), "all operations");
    this.#operationsMissing = false;
    this.#waitMs = this.#options.initialWaitMs ?? 5_000;
    this.#ask();
  }

  #ask(): void {
    if (this.#unanswered.size === 0) return this.#askForAllLater();
    const tasks = [...this.#unanswered.values()];
    for (let at = 0; at < tasks.length; at += BATCH_TASKS) this.#send(reconcileCall(tasks.slice(at, at + BATCH_TASKS)));
    this.#timer = this.#clock.after(this.#waitMs, () => this.#guard(() => this.#ask()));
    this.#waitMs = Math.min(this.#waitMs * 2, this.#options.maxWaitMs ?? 60_000);
  }

  #askForAllLater(): void {
    const ask = () => {
      this.#send(buildCall(CallType.RECONCILE), "all tasks");
      this.#askForAllLater();
    };
    this.#timer = this.#clock.after(this.#options.intervalMs ?? 15 * 60_000, () => this.#guard(ask));
  }
}
