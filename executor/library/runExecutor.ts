import { type Event, Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import { type TaskInfo, TaskState, TaskStatus, TaskStatus_Source } from "../../gen/mesos/v1/mesos.js";
import { uuidBytes } from "../../wire/uuid.js";
import { AgentSession } from "./agentSession.js";
import { type ExecutorEnvironment, readExecutorEnvironment } from "./environment.js";
import { IdleTimer } from "./idleTimer.js";
import { Slots } from "./slots.js";
import type { SubscriptionEnd } from "./subscription.js";
import { durationMs, type TaskHandler, type TaskReport, TaskRun } from "./taskRun.js";

const ACKNOWLEDGEMENT_TIMEOUT_MS = 60_000;

export interface ExecutorOptions {
  /** Runs one task. What it returns, or throws, decides the terminal update. */
  launch: TaskHandler;
  /** Takes the framework's messages to this executor. Default: they are dropped. */
  onMessage?: (data: Buffer) => void;
  /**
   * How long the executor stays without a task, in milliseconds, before it ends itself. Default: for ever.
   * A task that the agent sends while it decides is still run. One that is sent after that can't be: the agent
   * reports it as TASK_FAILED with REASON_EXECUTOR_TERMINATED (or as dropped), and the framework launches it again.
   */
  idleTimeoutMs?: number;
  /** How many handlers run at once; tasks above that wait as TASK_STARTING. Default: all that Mesos launched. */
  concurrency?: number;
  /** How long an end waits until the agent has acknowledged the last updates. Default 60 s. */
  acknowledgementTimeoutMs?: number;
  /** Shuts the executor down, as SHUTDOWN does. */
  signal?: AbortSignal;
  /** Takes lines for the log. Default: standard error, which Mesos keeps in the sandbox. */
  log?: (line: string) => void;
  /** Default `process.env`. */
  env?: NodeJS.ProcessEnv;
}

/** How an executor's life ended. */
export interface ExecutorExit {
  /**
   * `idle`: no tasks for `idleTimeoutMs`; `shutdown`: the agent said so; `stopped`: `signal` said so;
   * `disconnected`: the agent is gone; `refused`: the agent does not want this executor.
   */
  reason: "idle" | "shutdown" | "stopped" | SubscriptionEnd["kind"];
  message: string;
  /** Updates that the agent has not acknowledged; 0 after an orderly end. */
  unacknowledged: number;
}

/**
 * Runs an executor on Mesos's v1 executor API until its life is over. The caller should then end the process at once.
 *
 * Tasks run side by side. Each ends with exactly one terminal update, and the executor ends only after the
 * agent has acknowledged all updates, or did not for `acknowledgementTimeoutMs`.
 *
 * @throws ExecutorEnvironmentError when the process was not started by a Mesos agent, and what `log` throws
 */
export async function runExecutor(options: ExecutorOptions): Promise<ExecutorExit> {
  return await new Executor(options).run();
}

function logToStderr(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`);
}

class Executor {
  readonly #options: ExecutorOptions;
  readonly #environment: ExecutorEnvironment;
  readonly #session: AgentSession;
  readonly #slots: Slots;
  readonly #tasks = new Map<string, TaskRun>();
  readonly #idle: IdleTimer;
  readonly #over = new AbortController();
  /** Ends the executor with an error that nobody expected, such as one of `log`. */
  readonly #fail = (error: unknown) => {
    this.#failure ??= { error };
    this.#over.abort();
  };
  #failure: { error: unknown } | undefined;
  #exit: Omit<ExecutorExit, "unacknowledged"> | undefined;
  #subscribed = false;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#environment = readExecutorEnvironment(options.env);
    this.#slots = new Slots(options.concurrency ?? Number.POSITIVE_INFINITY);
    this.#session = new AgentSession(this.#environment, {
      onSubscribed: () => this.#onSubscribed(),
      onDisconnected: (reason) => this.#onDisconnected(reason),
      onEvent: (event) => this.#onEvent(event),
      log: options.log ?? logToStderr,
    });
    this.#idle = new IdleTimer(options.idleTimeoutMs, (signal) => {
      this.#endIdle(signal).catch(this.#fail);
    });
  }

  async run(): Promise<ExecutorExit> {
    const stop = () => this.#beginShutDown("stopped", "Executor was told to stop");
    this.#options.signal?.addEventListener("abort", stop, { once: true });
    try {
      if (this.#options.signal?.aborted) stop();
      const end = await this.#session.hold(this.#over.signal);
      if (this.#failure !== undefined) throw this.#failure.error;
      if (end.kind !== "closed") await this.#endWithoutAgent(end);
      const exit = this.#exit ?? { reason: end.kind, message: end.message };
      this.#session.log(`ends: ${exit.message}`);
      return { ...exit, unacknowledged: this.#session.unacknowledged };
    } finally {
      this.#options.signal?.removeEventListener("abort", stop);
      this.#idle.stop();
    }
  }

  #onEvent(event: Event): void {
    switch (event.type) {
      case Event_Type.LAUNCH:
        if (event.launch?.task) this.#launch(event.launch.task);
        return;
      case Event_Type.LAUNCH_GROUP:
        this.#launchGroup(event.launchGroup?.taskGroup?.tasks ?? []);
        return;
      case Event_Type.KILL:
        this.#kill(event);
        return;
      case Event_Type.MESSAGE:
        this.#onMessage(event.message?.data ?? Buffer.alloc(0));
        return;
      case Event_Type.SHUTDOWN:
        this.#beginShutDown("shutdown", "Executor was shut down");
        return;
      default: // ACKNOWLEDGED, HEARTBEAT, and what a later Mesos may send
    }
  }

  #onSubscribed(): void {
    this.#subscribed = true;
    this.#session.log(`subscribed at ${this.#environment.origin}${this.#environment.path}`);
    this.#watchIdleness();
  }

  #onDisconnected(reason: string): void {
    this.#subscribed = false;
    this.#idle.stop();
    this.#session.log(`disconnected: ${reason}`);
  }

  #launch(task: TaskInfo): TaskRun | undefined {
    const taskId = task.taskId?.value ?? "";
    if (this.#tasks.has(taskId)) {
      this.#session.log(`task ${taskId} is launched a second time, and runs already`);
      return undefined;
    }
    this.#idle.stop();
    const run = new TaskRun({
      task,
      taskId,
      handler: this.#options.launch,
      slots: this.#slots,
      report: (report) => this.#report(taskId, report),
      message: (data) => this.#session.message(data),
      fault: this.#fail,
    });
    this.#tasks.set(taskId, run);
    const ended = () => {
      this.#tasks.delete(taskId);
      this.#watchIdleness();
    };
    run.done.then(ended).catch(this.#fail);
    run.start();
    // An end that has begun takes the new task along.
    if (this.#exit) run.kill(this.#exit.message, { graceMs: 0 });
    return run;
  }

  #onMessage(data: Buffer): void {
    try {
      this.#options.onMessage?.(data);
    } catch (error) {
      this.#session.log(`onMessage failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** A group lives and dies together: one task that fails or is killed takes the others along. */
  #launchGroup(tasks: TaskInfo[]): void {
    const group = tasks.flatMap((task) => this.#launch(task) ?? []);
    for (const member of group) {
      const ended = (state: TaskState) => {
        if (state === TaskState.TASK_FINISHED) return;
        for (const other of group) other.kill(`Task ${member.taskId} of the same group did not finish`);
      };
      member.done.then(ended).catch(this.#fail);
    }
  }

  #kill({ kill }: Event): void {
    const taskId = kill?.taskId?.value ?? "";
    const run = this.#tasks.get(taskId);
    if (!run) {
      this.#session.log(`kill of task ${taskId}, which does not run here`);
      return;
    }
    run.kill("Task was killed", {
      graceMs: durationMs(kill?.killPolicy?.gracePeriod),
      announce: this.#session.knowsKilling,
    });
  }

  #report(taskId: string, report: TaskReport): void {
    const status = TaskStatus.create({
      ...report,
      taskId: { value: taskId },
      executorId: { value: this.#environment.executorId },
      source: TaskStatus_Source.SOURCE_EXECUTOR,
      timestamp: Date.now() / 1000,
      uuid: uuidBytes(),
    });
    this.#session.log(`task ${taskId}: ${TaskState[report.state]}${report.message ? `: ${report.message}` : ""}`);
    this.#session.update(status);
  }

  #watchIdleness(): void {
    if (this.#subscribed && this.#tasks.size === 0 && !this.#exit) this.#idle.start();
  }

  /** Ends an idle executor, unless `signal` says that a task has come. */
  async #endIdle(signal: AbortSignal): Promise<void> {
    await this.#session.untilAcknowledged(this.#acknowledgementTimeoutMs, signal);
    await this.#session.catchUp(signal);
    if (signal.aborted || this.#exit) return;
    this.#exit = { reason: "idle", message: `no task for ${this.#options.idleTimeoutMs} ms` };
    this.#over.abort();
  }

  #beginShutDown(reason: "shutdown" | "stopped", message: string): void {
    this.#shutDown(reason, message).catch(this.#fail);
  }

  /** Kills all tasks, waits until the agent knows about them, and ends; all within the grace period. */
  async #shutDown(reason: "shutdown" | "stopped", message: string): Promise<void> {
    if (this.#exit) return;
    this.#exit = { reason, message };
    this.#session.log(message);
    // The agent kills the process when the grace period is over; a part of it is for the updates.
    const grace = this.#environment.shutdownGraceMs;
    const deadline = Date.now() + grace * 0.9;
    await this.#endTasks(message, grace / 2);
    await this.#session.untilAcknowledged(Math.min(deadline - Date.now(), this.#acknowledgementTimeoutMs));
    this.#over.abort();
  }

  async #endWithoutAgent(end: SubscriptionEnd): Promise<void> {
    this.#exit ??= { reason: end.kind, message: end.message };
    await this.#endTasks(end.message, this.#environment.shutdownGraceMs);
  }

  async #endTasks(cause: string, graceMs: number): Promise<void> {
    const runs = [...this.#tasks.values()];
    for (const run of runs) run.kill(cause, { graceMs });
    await Promise.all(runs.map((run) => run.done));
  }

  get #acknowledgementTimeoutMs(): number {
    return this.#options.acknowledgementTimeoutMs ?? ACKNOWLEDGEMENT_TIMEOUT_MS;
  }
}
