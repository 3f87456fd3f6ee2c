import { join } from "node:path";
import { type Event, Event_Type } from "../../../gen/mesos/v1/executor/executor.js";
import {
  FrameworkInfo_Capability_Type as Capability,
  type KillPolicy,
  TaskStatus_Reason as Reason,
  TaskStatus_Source as Source,
  type TaskInfo,
  TaskState,
} from "../../../gen/mesos/v1/mesos.js";
import { makeStatus } from "../status.js";
import { uuidBytes } from "../uuid.js";
import { commandEnvironment, commandLine } from "./commandLine.js";
import { shutdownGraceMs } from "./environment.js";
import type { AgentFramework, Container, Executor, ExecutorChannel } from "./executor.js";
import type { ExecutorCalls } from "./executorCalls.js";
import { ProcessGroup, type WaitStatus, waitStatusText } from "./processGroup.js";
import type { AgentState } from "./state.js";

const DEFAULT_KILL_GRACE_MS = 3000;

interface RunningTask {
  readonly id: string;
  readonly info: TaskInfo;
  /** Tasks that live and die together. */
  readonly group: ReadonlySet<RunningTask>;
  process: ProcessGroup | undefined;
  ended: boolean;
  killed: boolean;
  failure: { reason: Reason; message: string } | undefined;
  cancelKill: () => void;
  killAtMs: number;
  cancelDeadline: () => void;
}

export interface BuiltInExecutorOptions {
  readonly state: AgentState;
  readonly calls: ExecutorCalls;
  readonly framework: AgentFramework;
  readonly executor: Executor;
  readonly env: Readonly<Record<string, string>>;
  onEnd(status: WaitStatus): void;
}

/**
 * Does what mesos-executor does for a command task and mesos-default-executor for task groups, inside the agent: tasks
 * are real processes, the executor itself is not one.
 */
export class BuiltInExecutor implements ExecutorChannel, Container {
  readonly #options: BuiltInExecutorOptions;
  readonly #tasks = new Map<string, RunningTask>();
  readonly #unacknowledged = new Set<string>();
  #gone = false;
  #shuttingDown = false;

  constructor(options: BuiltInExecutorOptions) {
    this.#options = options;
  }

  /** The first task's: there is no process for the executor itself. */
  get pid(): number | undefined {
    return [...this.#tasks.values()][0]?.process?.pid;
  }

  kill(): void {
    this.#end(9);
  }

  close(): void {}

  send(event: Event): void {
    // Never within the call that sends it: an executor in a process of its own answers later too.
    queueMicrotask(() => this.#handle(event));
  }

  #handle(event: Event): void {
    if (this.#gone) return;
    switch (event.type) {
      case Event_Type.LAUNCH:
        if (event.launch?.task) this.#launch([event.launch.task]);
        break;
      case Event_Type.LAUNCH_GROUP:
        this.#launch(event.launchGroup?.taskGroup?.tasks ?? []);
        break;
      case Event_Type.KILL:
        this.#kill(this.#tasks.get(event.kill?.taskId?.value ?? ""), event.kill?.killPolicy);
        break;
      case Event_Type.ACKNOWLEDGED:
        this.#unacknowledged.delete(event.acknowledged?.uuid?.toString("hex") ?? "");
        this.#endIfDone();
        break;
      case Event_Type.SHUTDOWN:
        this.#shutdown();
        break;
      default:
        break;
    }
  }

  #launch(infos: readonly TaskInfo[]): void {
    const group = new Set<RunningTask>();
    for (const info of infos) {
      const task: RunningTask = {
        id: info.taskId?.value ?? "",
        info,
        group,
        process: undefined,
        ended: false,
        killed: false,
        failure: undefined,
        cancelKill: () => {},
        killAtMs: Number.POSITIVE_INFINITY,
        cancelDeadline: () => {},
      };
      group.add(task);
      this.#tasks.set(task.id, task);
    }
    for (const task of group) void this.#start(task);
  }

  async #start(task: RunningTask): Promise<void> {
    try {
      task.process = await this.#spawn(task);
    } catch (error) {
      this.#update(task, TaskState.TASK_STARTING);
      this.#finish(task, TaskState.TASK_FAILED, error instanceof Error ? error.message : String(error));
      return;
    }
    // Told only now, so that the update holds the process id as well.
    this.#update(task, TaskState.TASK_STARTING);
    if (this.#gone) return task.process.signal("SIGKILL");
    this.#update(task, TaskState.TASK_RUNNING);
    const limit = task.info.maxCompletionTime?.nanoseconds;
    if (limit !== undefined) {
      task.cancelDeadline = this.#options.state.clock.setTimeout(() => this.#deadline(task), Number(limit) / 1e6);
    }
    // A kill or shutdown that came while the process was being started.
    if (task.killed) this.#terminate(task, 0);
  }

  #spawn(task: RunningTask): Promise<ProcessGroup> {
    const { command } = task.info;
    if (!command) return Promise.reject(new Error("The task has no command"));
    const { sandbox } = this.#options.executor;
    const output = { stdout: join(sandbox, "stdout"), stderr: join(sandbox, "stderr") };
    const env = this.#environment(task);
    return ProcessGroup.start({ ...commandLine(command), directory: sandbox, env, ...output }, (status) =>
      this.#exited(task, status),
    );
  }

  #environment(task: RunningTask): Record<string, string> {
    const role = task.info.resources[0]?.allocationInfo?.role ?? "*";
    return { ...this.#options.env, ...commandEnvironment(task.info.command), MESOS_ALLOCATION_ROLE: role };
  }

  #exited(task: RunningTask, status: WaitStatus): void {
    task.process?.signal("SIGKILL");
    const text = waitStatusText(status);
    if (task.failure) this.#finish(task, TaskState.TASK_FAILED, task.failure.message, task.failure.reason);
    else if (task.killed) this.#finish(task, TaskState.TASK_KILLED, text);
    else this.#finish(task, status === 0 ? TaskState.TASK_FINISHED : TaskState.TASK_FAILED, text);
  }

  #finish(task: RunningTask, state: TaskState, message: string, reason?: Reason): void {
    if (task.ended) return;
    task.ended = true;
    task.cancelKill();
    task.cancelDeadline();
    this.#update(task, state, message, reason);
    // A group lives and dies together.
    if (state !== TaskState.TASK_FINISHED) for (const other of task.group) this.#kill(other, undefined);
    this.#endIfDone();
  }

  #kill(task: RunningTask | undefined, policy: KillPolicy | undefined): void {
    if (!task || task.ended) return;
    const grace = policy?.gracePeriod ?? task.info.killPolicy?.gracePeriod;
    const graceMs = grace?.nanoseconds === undefined ? DEFAULT_KILL_GRACE_MS : Number(grace.nanoseconds) / 1e6;
    if (!task.killed) {
      task.killed = true;
      const { capabilities } = this.#options.framework.info;
      if (capabilities.some(({ type }) => type === Capability.TASK_KILLING_STATE)) {
        this.#update(task, TaskState.TASK_KILLING);
      }
    }
    this.#terminate(task, graceMs);
  }

  /** SIGTERM, and SIGKILL after the grace period. A later call can only make it shorter. */
  #terminate(task: RunningTask, graceMs: number): void {
    const { clock } = this.#options.state;
    if (!task.process || task.ended) return;
    const killAtMs = clock.now() + graceMs;
    if (killAtMs >= task.killAtMs) return;
    if (task.killAtMs === Number.POSITIVE_INFINITY) task.process.signal("SIGTERM");
    task.killAtMs = killAtMs;
    task.cancelKill();
    task.cancelKill = clock.setTimeout(() => task.process?.signal("SIGKILL"), graceMs);
  }

  #deadline(task: RunningTask): void {
    task.failure = {
      reason: Reason.REASON_MAX_COMPLETION_TIME_REACHED,
      message: "Command exceeded its maximum completion time",
    };
    task.process?.signal("SIGKILL");
  }

  #shutdown(): void {
    this.#shuttingDown = true;
    const graceMs = Math.max(0, shutdownGraceMs(this.#options.state.flags, this.#options.executor.info) - 2000);
    for (const task of this.#tasks.values()) {
      if (task.ended) continue;
      task.killed = true;
      this.#terminate(task, graceMs);
    }
    this.#endIfDone();
  }

  #endIfDone(): void {
    const tasks = [...this.#tasks.values()];
    const idle = tasks.every((task) => task.ended) && (tasks.length > 0 || this.#shuttingDown);
    const terminating = this.#options.framework.terminating;
    if (idle && (this.#unacknowledged.size === 0 || terminating)) this.#end(0);
  }

  #end(status: WaitStatus): void {
    if (this.#gone) return;
    this.#gone = true;
    for (const task of this.#tasks.values()) {
      task.cancelKill();
      task.cancelDeadline();
      if (!task.ended) task.process?.signal("SIGKILL");
    }
    this.#options.onEnd(status);
  }

  #update(task: RunningTask, state: TaskState, message?: string, reason?: Reason): void {
    if (this.#gone) return;
    const { state: agent, calls, framework, executor } = this.#options;
    const uuid = uuidBytes();
    this.#unacknowledged.add(uuid.toString("hex"));
    const fields = { taskId: task.id, state, message, reason, uuid };
    calls.update(framework, executor, makeStatus(Source.SOURCE_EXECUTOR, agent.clock.now(), fields));
  }
}
