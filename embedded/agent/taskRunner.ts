import { type Event, Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import { type TaskInfo, TaskState, type TaskStatus } from "../../gen/mesos/v1/mesos.js";
import type { Clock } from "../clock.js";
import { RunningTask } from "./runningTask.js";

/** What Mesos's executors need at the end to tell it all before their agent ends them by force. */
const SHUTDOWN_MARGIN_MS = 2000;

export interface TaskRunnerOptions {
  readonly clock: Clock;
  readonly sandbox: string;
  readonly env: Readonly<Record<string, string>>;
  /** Between SHUTDOWN and the end by force. */
  readonly shutdownGraceMs: number;
  /** Asked when it matters: a framework can change. */
  tellsKilling(): boolean;
  /** Nothing waits for an acknowledgement, or nobody is to give one any more. */
  isSettled(): boolean;
  update(status: TaskStatus): void;
  /** All tasks have ended, and all is told. */
  onEnd(): void;
}

/** Does what mesos-executor does for a command task and mesos-default-executor for task groups: it takes the events. */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #tasks = new Map<string, RunningTask>();
  /** Tasks that live and die together. */
  readonly #groups = new Map<RunningTask, ReadonlySet<RunningTask>>();
  #gone = false;
  #shuttingDown = false;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
  }

  /** Of the first task: there is no process for the executor itself. */
  get pid(): number | undefined {
    return [...this.#tasks.values()][0]?.pid;
  }

  handle(event: Event): void {
    if (this.#gone) return;
    switch (event.type) {
      case Event_Type.LAUNCH:
        if (event.launch?.task) this.#launch([event.launch.task]);
        break;
      case Event_Type.LAUNCH_GROUP:
        this.#launch(event.launchGroup?.taskGroup?.tasks ?? []);
        break;
      case Event_Type.KILL:
        this.#tasks.get(event.kill?.taskId?.value ?? "")?.kill(event.kill?.killPolicy);
        break;
      case Event_Type.ACKNOWLEDGED:
        this.#endIfDone();
        break;
      case Event_Type.SHUTDOWN:
        this.shutDown();
        break;
      default:
        break;
    }
  }

  shutDown(): void {
    this.#shuttingDown = true;
    const graceMs = Math.max(0, this.#options.shutdownGraceMs - SHUTDOWN_MARGIN_MS);
    for (const task of this.#tasks.values()) task.shutDown(graceMs);
    this.#endIfDone();
  }

  /** Ends all tasks at once, silently. */
  abandon(): void {
    this.#gone = true;
    for (const task of this.#tasks.values()) task.abandon();
  }

  #launch(infos: readonly TaskInfo[]): void {
    const { clock, sandbox, env } = this.#options;
    const tellsKilling = this.#options.tellsKilling();
    const group = new Set<RunningTask>();
    for (const info of infos) {
      const task = new RunningTask(info, {
        clock,
        sandbox,
        env,
        tellsKilling,
        update: (status) => this.#update(status),
        onEnd: (ended, state) => this.#ended(ended, state),
      });
      group.add(task);
      this.#groups.set(task, group);
      this.#tasks.set(task.id, task);
    }
    for (const task of group) task.start();
  }

  #ended(task: RunningTask, state: TaskState): void {
    // A group lives and dies together.
    if (state !== TaskState.TASK_FINISHED) for (const other of this.#groups.get(task) ?? []) other.kill(undefined);
    this.#endIfDone();
  }

  #update(status: TaskStatus): void {
    if (this.#gone) return;
    this.#options.update(status);
  }

  #endIfDone(): void {
    if (this.#gone) return;
    const tasks = [...this.#tasks.values()];
    const idle = tasks.every((task) => task.ended) && (tasks.length > 0 || this.#shuttingDown);
    if (!idle || !this.#options.isSettled()) return;
    this.#gone = true;
    this.#options.onEnd();
  }
}
