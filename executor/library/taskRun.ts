import { type DurationInfo, type TaskInfo, TaskState, TaskStatus_Reason } from "../../gen/mesos/v1/mesos.js";
import type { Slots } from "./slots.js";

/** As Mesos's built-in executors: a kill without a policy gives the task 3 s. */
const DEFAULT_KILL_GRACE_MS = 3_000;
/** A status message is for people; a framework and the web pages of Mesos carry it around for long. */
const MAX_MESSAGE_CHARACTERS = 4_096;
/** Timers can't be set further ahead. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What a handler gives back: how its task ended. Returning nothing is TASK_FINISHED. */
export interface TaskResult {
  /** Default TASK_FINISHED. */
  state?: TaskState.TASK_FINISHED | TaskState.TASK_FAILED;
  message?: string;
  /** For the framework, in TaskStatus.data. Keep it small: Mesos stores and repeats it. */
  data?: Buffer;
}

/** Thrown by a handler that has data for the framework besides its message; the task ends TASK_FAILED. */
export class TaskError extends Error {
  override readonly name = "TaskError";
  constructor(
    message: string,
    readonly data?: Buffer,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What a handler has to do with while its task runs. */
export interface TaskContext {
  readonly taskId: string;
  /** Aborted when the task is killed, the executor shuts down, or the task is over. A handler should then end soon. */
  readonly signal: AbortSignal;
  /** Tells the framework TASK_RUNNING, with `data` if given. Does nothing once the task is being killed or is over. */
  running(data?: Buffer): void;
  /**
   * Sends `data` to the framework as a message of this executor: best effort, and without the task's id.
   * False when it was dropped because too many messages wait for the agent.
   */
  message(data: Buffer): boolean;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a handler that has nothing to tell should need no return statement
export type TaskHandler = (task: TaskInfo, context: TaskContext) => Promise<TaskResult | undefined | void>;

/** What a task run reports; the executor makes a status update of it. */
export interface TaskReport {
  state: TaskState;
  message?: string;
  data?: Buffer;
  reason?: TaskStatus_Reason;
}

export interface TaskRunOptions {
  task: TaskInfo;
  taskId: string;
  handler: TaskHandler;
  slots: Slots;
  report(report: TaskReport): void;
  message(data: Buffer): boolean;
  /** Takes what `report` throws. */
  fault(error: unknown): void;
}

/** One task, from its launch to its one terminal update. */
export class TaskRun {
  readonly taskId: string;
  /** Resolves with the terminal state, when that has been reported. */
  readonly done: Promise<TaskState>;
  readonly #options: TaskRunOptions;
  readonly #abort = new AbortController();
  #resolve: (state: TaskState) => void = () => {};
  #killCause: string | undefined;
  #killDeadline = Number.POSITIVE_INFINITY;
  #killTimer: NodeJS.Timeout | undefined;
  #completionTimer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(options: TaskRunOptions) {
    this.taskId = options.taskId;
    this.#options = options;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Runs the handler. Never throws: whatever happens ends in a terminal update. */
  start(): void {
    const limit = durationMs(this.#options.task.maxCompletionTime);
    // A limit beyond what a timer can hold, 24 days, is none.
    if (limit !== undefined && limit <= MAX_TIMER_MS) {
      this.#completionTimer = setTimeout(() => this.#outOfTime(limit), limit);
    }
    this.#run().catch(this.#options.fault);
  }

  /**
   * Asks the task to end, which it then does as TASK_KILLED at the latest after the grace period. A
   * second kill can only shorten that.
   *
   * @param cause for people, in the terminal update
   * @param graceMs default: the task's kill policy, else 3 s
   * @param announce report TASK_KILLING first; for frameworks with the capability TASK_KILLING_STATE
   */
  kill(cause: string, { graceMs, announce = false }: { graceMs?: number | undefined; announce?: boolean } = {}): void {
    if (this.#over) return;
    const grace = graceMs ?? durationMs(this.#options.task.killPolicy?.gracePeriod) ?? DEFAULT_KILL_GRACE_MS;
    if (Date.now() + grace < this.#killDeadline) {
      this.#killDeadline = Date.now() + grace;
      clearTimeout(this.#killTimer);
      this.#killTimer = setTimeout(
        () => {
          this.#finish({
            state: TaskState.TASK_KILLED,
            message: `${cause}; it had not ended after ${grace} ms, and was given up`,
          });
        },
        Math.min(grace, MAX_TIMER_MS),
      );
    }
    if (this.#killCause !== undefined) return;
    this.#killCause = cause;
    if (announce) this.#options.report({ state: TaskState.TASK_KILLING, message: cause });
    this.#abort.abort(new Error(cause));
  }

  async #run(): Promise<void> {
    const slot: { release?: () => void } = {};
    try {
      this.#finish(await this.#work(slot));
    } finally {
      slot.release?.();
    }
  }

  /** Runs the handler once there is a slot, and gives how the task ended. */
  async #work(slot: { release?: () => void }): Promise<TaskReport> {
    const { task, taskId, handler, slots, report, message } = this.#options;
    try {
      if (slots.free < 1) report({ state: TaskState.TASK_STARTING, message: "Waits for other tasks of this executor" });
      slot.release = await slots.acquire(this.#abort.signal);
      const context: TaskContext = {
        taskId,
        signal: this.#abort.signal,
        running: (data) => {
          if (this.#over || this.#killCause !== undefined) return;
          report({ state: TaskState.TASK_RUNNING, ...(data ? { data } : {}) });
        },
        message: (data) => !this.#over && message(data),
      };
      const result = (await handler(task, context)) ?? {};
      return { ...result, state: result.state ?? TaskState.TASK_FINISHED };
    } catch (error) {
      const text = error instanceof Error ? error.message || error.name : String(error);
      const data = error instanceof TaskError ? error.data : undefined;
      return { state: TaskState.TASK_FAILED, message: text, ...(data ? { data } : {}) };
    }
  }

  #outOfTime(limitMs: number): void {
    this.#finish({
      state: TaskState.TASK_FAILED,
      reason: TaskStatus_Reason.REASON_MAX_COMPLETION_TIME_REACHED,
      message: `Not done within its max_completion_time of ${limitMs / 1000} s`,
    });
  }

  #finish(report: TaskReport): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#killTimer);
    clearTimeout(this.#completionTimer);
    // A task that was told to stop is killed, however its handler took it; as with Mesos's own executors.
    const killed = this.#killCause !== undefined && report.state !== TaskState.TASK_KILLED;
    const final = killed ? { state: TaskState.TASK_KILLED, message: this.#killCause } : report;
    const message = final.message?.slice(0, MAX_MESSAGE_CHARACTERS);
    this.#options.report({ ...final, ...(message === undefined ? {} : { message }) } as TaskReport);
    // A handler that was given up on may still be at work: this tells it that nobody waits.
    if (!this.#abort.signal.aborted) this.#abort.abort(new Error("the task is over"));
    this.#resolve(final.state);
  }
}

/** Milliseconds of a Mesos duration; undefined where it is unset. */
export function durationMs(duration: DurationInfo | undefined): number | undefined {
  return duration?.nanoseconds === undefined ? undefined : Math.max(0, Number(duration.nanoseconds) / 1e6);
}
