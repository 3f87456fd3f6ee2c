import type { Event } from "../../gen/mesos/v1/executor/executor.js";
import {
  type ExecutorInfo,
  ExecutorInfo_Type,
  type FrameworkInfo,
  type Task,
  type TaskInfo,
  type TaskState,
  type TaskStatus_Reason,
} from "../../gen/mesos/v1/mesos.js";
import { Resources } from "../resources/resources.js";

/** Where an executor gets its events: an HTTP stream, or one that the agent runs itself. */
export interface ExecutorChannel {
  send(event: Event): void;
  close(): void;
}

/** What an executor runs in: a process of its own, or none for those the agent runs itself. */
export interface Container {
  readonly pid: number | undefined;
  /** Ends all of it at once; `onEnd` of the launch follows. */
  kill(): void;
}

export type ExecutorState = "registering" | "running" | "terminating" | "terminated";

/** A task that was handed to its executor. */
export interface LaunchedTask {
  readonly info: TaskInfo;
  readonly record: Task;
}

/** Why the agent itself ended an executor: what its tasks are told then. Without a state they failed. */
export interface Termination {
  readonly state?: TaskState;
  readonly reason: TaskStatus_Reason;
  readonly message: string;
}

export interface QueuedLaunch {
  readonly tasks: TaskInfo[];
  readonly group: boolean;
}

/** As many as Mesos's agent remembers of an executor, and of a framework. */
const MAX_COMPLETED_TASKS = 200;
const MAX_COMPLETED_EXECUTORS = 150;

/** An executor as its agent knows it. */
export class Executor {
  readonly id: string;
  readonly frameworkId: string;
  readonly info: ExecutorInfo;
  readonly containerId: string;
  readonly sandbox: string;
  /** Made by the agent for a command task. */
  readonly isCommand: boolean;
  state: ExecutorState = "registering";
  channel: ExecutorChannel | undefined;
  container: Container | undefined;
  /** Set for one that runs in a process of its own. */
  process: { readonly pid: number; readonly start: string } | undefined;
  /** Waiting for the executor to subscribe. */
  queue: QueuedLaunch[] = [];
  readonly launched = new Map<string, LaunchedTask>();
  /** Ended, the terminal update not acknowledged yet. */
  readonly ended = new Map<string, LaunchedTask>();
  /** Ended and acknowledged, oldest first. */
  readonly completed: Task[] = [];
  /** It has reported on a task of its own. */
  everReported = false;
  /** Set when the agent itself ended it. */
  termination: Termination | undefined;
  cancelRegistration: () => void = () => {};
  cancelShutdown: () => void = () => {};
  readonly fetching = new AbortController();

  constructor(frameworkId: string, info: ExecutorInfo, containerId: string, sandbox: string, isCommand: boolean) {
    this.id = info.executorId?.value ?? "";
    this.frameworkId = frameworkId;
    this.info = info;
    this.containerId = containerId;
    this.sandbox = sandbox;
    this.isCommand = isCommand;
  }

  /** Of Mesos's own: the executors of command tasks and of task groups. */
  get isMesosOwn(): boolean {
    return this.isCommand || this.info.type === ExecutorInfo_Type.DEFAULT;
  }

  /** Runs inside the agent. */
  get isBuiltIn(): boolean {
    return this.isMesosOwn && this.process === undefined;
  }

  /** Nobody waits for anything of this task any more. */
  complete({ record }: LaunchedTask): void {
    this.completed.push(record);
    if (this.completed.length > MAX_COMPLETED_TASKS) this.completed.shift();
  }

  queued(taskId: string): QueuedLaunch | undefined {
    return this.queue.find((launch) => launch.tasks.some((task) => task.taskId?.value === taskId));
  }

  /** It never had a task that it knew of, and none waits for it: there is nothing for it to do. */
  get useless(): boolean {
    return this.queue.length === 0 && this.launched.size === 0 && !this.everReported;
  }

  /** Its own and those of its live tasks. */
  get resources(): Resources {
    const tasks = [...this.launched.values()].map(({ info }) => info);
    const queued = this.queue.flatMap((launch) => launch.tasks);
    return Resources.of([...this.info.resources, ...[...tasks, ...queued].flatMap((task) => task.resources)]);
  }
}

/** A framework as an agent knows it. */
export class AgentFramework {
  readonly id: string;
  info: FrameworkInfo;
  readonly executors = new Map<string, Executor>();
  /** Those that ended and are forgotten but for this, oldest first. */
  readonly completed: Executor[] = [];
  terminating = false;

  constructor(info: FrameworkInfo) {
    this.id = info.id?.value ?? "";
    this.info = info;
  }

  /** The executor has ended, and is remembered for those who look. */
  complete(executor: Executor): void {
    this.executors.delete(executor.id);
    for (const task of [...executor.launched.values(), ...executor.ended.values()]) executor.complete(task);
    executor.launched.clear();
    executor.ended.clear();
    this.completed.push(executor);
    if (this.completed.length > MAX_COMPLETED_EXECUTORS) this.completed.shift();
  }

  executorOfTask(taskId: string): Executor | undefined {
    for (const executor of this.executors.values()) {
      if (executor.launched.has(taskId) || executor.ended.has(taskId) || executor.queued(taskId)) return executor;
    }
    return undefined;
  }
}
