import { join } from "node:path";
import {
  type AgentInfo,
  type Operation,
  TaskStatus_Reason as Reason,
  TaskStatus_Source as Source,
  Task,
  type TaskInfo,
  TaskState,
  type TaskStatus,
} from "../../gen/mesos/v1/mesos.js";
import { uuidBytes } from "../../wire/uuid.js";
import type { Clock } from "../clock.js";
import type { Flags } from "../flags.js";
import type { Link, MasterInbox } from "../link.js";
import type { Log } from "../log.js";
import { LoggingLevel } from "../logging.js";
import type { Resources } from "../resources/resources.js";
import { makeStatus, type StatusFields } from "../status.js";
import type { Checkpoints } from "./checkpoints.js";
import type { Drain } from "./drain.js";
import type { AgentFramework, Executor, LaunchedTask } from "./executor.js";
import { StatusUpdates } from "./statusUpdates.js";

export interface AgentOptions {
  readonly clock: Clock;
  readonly flags: Flags;
  readonly log: Log;
  /** Sandboxes lie below it. */
  readonly workDir: string;
  readonly info: AgentInfo;
  /** In the format with `reservations`. */
  readonly resources: Resources;
  /** Where it keeps what another run of it is to know. Default: nothing is kept. */
  readonly checkpoints?: Checkpoints | undefined;
}

/** As many as Mesos's agent remembers. */
const MAX_COMPLETED_FRAMEWORKS = 50;

/** All that an agent knows. It outlives a stop of the agent, as an agent's checkpoints do. */
export class AgentState {
  readonly clock: Clock;
  readonly logging: LoggingLevel;
  readonly startTime: number;
  readonly flags: Flags;
  readonly log: Log;
  readonly workDir: string;
  readonly info: AgentInfo;
  readonly updates: StatusUpdates;
  /** Undefined when nothing is kept. */
  readonly checkpoints: Checkpoints | undefined;
  #saving = true;
  readonly frameworks = new Map<string, AgentFramework>();
  /** Those without executors, oldest first. */
  readonly completedFrameworks: AgentFramework[] = [];
  readonly operations = new Map<string, Operation>();
  /** Without allocation info; changed by reservations and volumes. */
  total: Resources;
  id: string | undefined;
  port = 0;
  link: Link | undefined;
  /** Set while the agent drains. */
  drain: Drain | undefined;
  /** Registered with the current master. */
  registered = false;
  /** Called when the last framework is gone. */
  onIdle: () => void = () => {};
  /** Waiting for executors after a restart. */
  recovering = false;

  constructor(options: AgentOptions) {
    this.clock = options.clock;
    this.logging = new LoggingLevel(options.clock);
    this.startTime = options.clock.now();
    this.flags = options.flags;
    this.log = options.log;
    this.workDir = options.workDir;
    this.info = options.info;
    this.total = options.resources;
    this.checkpoints = options.checkpoints;
    this.updates = new StatusUpdates({
      clock: options.clock,
      retryMinMs: options.flags.duration("status_update_retry_interval_min"),
      retryMaxMs: options.flags.duration("status_update_retry_interval_max"),
      forward: (frameworkId, executorId, status) => this.#forward(frameworkId, executorId, status),
    });
  }

  /** As it is told to masters and executors. */
  get described(): AgentInfo {
    return { ...this.info, id: this.id === undefined ? undefined : { value: this.id }, port: this.port };
  }

  get pid(): string {
    return `slave(1)@127.0.0.1:${this.port}`;
  }

  toMaster(deliver: (master: MasterInbox, agentId: string) => void): void {
    const { id } = this;
    if (id !== undefined) this.link?.toMaster((master) => deliver(master, id));
  }

  executor(frameworkId: string, executorId: string): Executor | undefined {
    return this.frameworks.get(frameworkId)?.executors.get(executorId);
  }

  /** Draining ends when nothing is left. */
  endDrainIfEmpty(): void {
    if (!this.drain || this.frameworks.size > 0 || this.operations.size > 0) return;
    this.log(`agent ${this.id} finished draining`);
    this.drain = undefined;
    this.save();
  }

  /** The framework has no executors any more, and is remembered for those who look. */
  completeFramework(framework: AgentFramework): void {
    if (!this.frameworks.delete(framework.id)) return;
    this.endDrainIfEmpty();
    if (this.frameworks.size === 0) this.onIdle();
    if (framework.completed.length === 0) return;
    this.completedFrameworks.push(framework);
    if (this.completedFrameworks.length > MAX_COMPLETED_FRAMEWORKS) this.completedFrameworks.shift();
  }

  /** Of executors that run or have ended, by their paths and by what the web interface calls them. */
  sandboxes(): Map<string, string> {
    const sandboxes = new Map<string, string>();
    for (const framework of [...this.completedFrameworks, ...this.frameworks.values()]) {
      for (const { id, sandbox } of [...framework.completed, ...framework.executors.values()]) {
        sandboxes.set(`/frameworks/${framework.id}/executors/${id}/runs/latest`, sandbox);
        sandboxes.set(sandbox, sandbox);
      }
    }
    return sandboxes;
  }

  sandboxOf(frameworkId: string, executorId: string, containerId: string): string {
    const parts = ["slaves", this.id ?? "", "frameworks", frameworkId, "executors", executorId, "runs", containerId];
    return join(this.workDir, parts.join("/"));
  }

  /** Keeps the agent itself: after a change of its id or resources. */
  save(): void {
    if (!this.#saving) return;
    this.checkpoints?.saveAgent({
      id: this.id,
      port: this.port,
      total: this.total.list(),
      operations: [...this.operations],
      drainConfig: this.drain?.config,
    });
  }

  /** Keeps an executor with its tasks and their updates: after each change, before anybody is told of it. */
  saveExecutor(framework: AgentFramework, executor: Executor): void {
    if (!this.checkpoints || !this.#saving) return;
    if (framework.executors.get(executor.id) !== executor)
      return this.checkpoints.removeExecutor(framework.id, executor.id);
    this.checkpoints.saveExecutor(framework, executor, this.updates.saved(framework.id, executor.id));
  }

  /** What happens from now on is not kept: the agent ends, and ends its executors. */
  stopSaving(): void {
    this.#saving = false;
  }

  /** A status of the agent's own making. */
  ownStatus(fields: Omit<StatusFields, "agentId" | "uuid">): TaskStatus {
    const own = { ...fields, agentId: this.id, uuid: uuidBytes() };
    return makeStatus(Source.SOURCE_AGENT, this.clock.now(), own);
  }

  #forward(frameworkId: string, executorId: string | undefined, status: TaskStatus): void {
    const latestState = this.#task(frameworkId, status.taskId?.value ?? "")?.record.state;
    this.toMaster((master, agentId) => master.statusUpdate(agentId, { frameworkId, executorId, status, latestState }));
  }

  #task(frameworkId: string, taskId: string): LaunchedTask | undefined {
    const executor = this.frameworks.get(frameworkId)?.executorOfTask(taskId);
    return executor?.launched.get(taskId) ?? executor?.ended.get(taskId);
  }
}

/** The agent's record of a task, as it tells it to a new master. */
export function taskRecord(agentId: string, task: TaskInfo, executor: Executor): Task {
  const record = Task.create({
    name: task.name,
    taskId: task.taskId,
    frameworkId: { value: executor.frameworkId },
    agentId: { value: agentId },
    state: TaskState.TASK_STAGING,
    labels: task.labels,
    discovery: task.discovery,
    container: task.container,
    healthCheck: task.healthCheck,
    killPolicy: task.killPolicy,
    user: task.command?.user ?? task.executor?.command?.user,
    limits: task.limits,
    executorId: executor.isCommand ? undefined : { value: executor.id },
  });
  record.resources = task.resources;
  return record;
}

/** From now on the task counts as one of the executor's. */
export function noteLaunched(state: AgentState, executor: Executor, info: TaskInfo): void {
  const record = taskRecord(state.id ?? "", info, executor);
  executor.launched.set(info.taskId?.value ?? "", { info, record });
}

/** For a task that the master sent and that the agent doesn't have. */
export function droppedStatus(state: AgentState, taskId: string, partitionAware: boolean): TaskStatus {
  return state.ownStatus({
    taskId,
    state: partitionAware ? TaskState.TASK_DROPPED : TaskState.TASK_LOST,
    reason: Reason.REASON_RECONCILIATION,
    message: "Reconciliation: task unknown to the agent",
  });
}
