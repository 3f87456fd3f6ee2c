import {
  TaskStatus_Reason as Reason,
  Task,
  type TaskInfo,
  TaskState,
  type TaskStatus,
} from "../../gen/mesos/v1/mesos.js";
import { Resources } from "../resources/resources.js";
import { masterStatus, type StatusFields } from "../status.js";
import { isTerminal } from "../taskStates.js";
import type { Agent, Framework, TaskEntry } from "./entities.js";
import { events } from "./events.js";
import { getOrCreate } from "./filters.js";
import { isPartitionAware } from "./frameworkInfo.js";
import type { MasterState } from "./state.js";

/** The master's record of a task that is about to be sent to its agent. */
export function newTask(framework: Framework, agent: Agent, info: TaskInfo): TaskEntry {
  const task = Task.create({
    name: info.name,
    taskId: info.taskId,
    frameworkId: { value: framework.id },
    agentId: { value: agent.id },
    state: TaskState.TASK_STAGING,
    labels: info.labels,
    discovery: info.discovery,
    container: info.container,
    healthCheck: info.healthCheck,
    killPolicy: info.killPolicy,
    limits: info.limits,
    user: info.command?.user ?? info.executor?.command?.user,
    executorId: info.executor?.executorId,
  });
  task.resources = info.resources;
  return taskEntry(task);
}

/** An entry for a task record, new or told by an agent that came back. */
export function taskEntry(info: Task): TaskEntry {
  return {
    info,
    id: info.taskId?.value ?? "",
    frameworkId: info.frameworkId?.value ?? "",
    agentId: info.agentId?.value ?? "",
    resources: Resources.of(info.resources),
    freed: isTerminal(info.state),
    lastStatus: info.statuses.at(-1),
  };
}

export function addTask(framework: Framework | undefined, agent: Agent, task: TaskEntry): void {
  framework?.tasks.set(task.id, task);
  getOrCreate(agent.tasks, task.frameworkId, () => new Map()).set(task.id, task);
}

/** Records a status; resources of an ended task are free at once, acknowledged or not. */
export function updateTask(state: MasterState, task: TaskEntry, status: TaskStatus, latest?: TaskState): void {
  const newest = latest ?? status.state;
  // An ended task stays ended, whatever comes late.
  if (newest !== undefined && !isTerminal(task.info.state)) task.info.state = newest;
  // What the master itself says is not acknowledged, and does not count as the last update.
  if (status.uuid) {
    task.info.statusUpdateState = status.state;
    task.info.statusUpdateUuid = status.uuid;
  }
  task.lastStatus = status;
  const last = task.info.statuses.at(-1);
  const kept = { ...status, data: undefined };
  if (last?.state === status.state) task.info.statuses[task.info.statuses.length - 1] = kept;
  else task.info.statuses.push(kept);
  if (isTerminal(task.info.state)) freeTask(state, task);
}

export function freeTask(state: MasterState, task: TaskEntry): void {
  if (task.freed) return;
  task.freed = true;
  state.allocator.recover(task.frameworkId, task.agentId, task.resources);
}

/** Forgets a live task. It is remembered as completed, or as unreachable. */
export function removeTask(state: MasterState, task: TaskEntry, unreachable = false): void {
  freeTask(state, task);
  const framework = state.frameworks.get(task.frameworkId);
  const agentTasks = state.agents.get(task.agentId)?.tasks;
  agentTasks?.get(task.frameworkId)?.delete(task.id);
  if (agentTasks?.get(task.frameworkId)?.size === 0) agentTasks.delete(task.frameworkId);
  if (!framework) return;
  framework.tasks.delete(task.id);
  if (unreachable) {
    framework.unreachableTasks.set(task.id, task);
    const limit = state.flags.number("max_unreachable_tasks_per_framework");
    const oldest = framework.unreachableTasks.keys().next().value;
    if (framework.unreachableTasks.size > limit && oldest !== undefined) framework.unreachableTasks.delete(oldest);
  } else completeTask(state, framework, task);
}

export function completeTask(state: MasterState, framework: Framework, task: TaskEntry): void {
  framework.completedTasks.push(task);
  if (framework.completedTasks.length > state.flags.number("max_completed_tasks_per_framework")) {
    framework.completedTasks.shift();
  }
}

/** Tells the framework of a state that the master itself decided: never retried, never to be acknowledged. */
export function sendMasterStatus(state: MasterState, framework: Framework, fields: StatusFields): TaskStatus {
  const status = masterStatus(state.clock.now(), fields);
  framework.send(events.update(status));
  return status;
}

/** Tells the framework that a task, or its group, is refused. */
export function sendTaskError(
  state: MasterState,
  framework: Framework,
  agent: Agent,
  task: TaskInfo,
  message: string,
  group: boolean,
): void {
  sendMasterStatus(state, framework, {
    taskId: task.taskId?.value ?? "",
    state: TaskState.TASK_ERROR,
    agentId: task.agentId?.value ?? agent.id,
    reason: group ? Reason.REASON_TASK_GROUP_INVALID : Reason.REASON_TASK_INVALID,
    message,
  });
}

/** Frameworks without PARTITION_AWARE know only TASK_LOST. */
export function lostState(framework: Framework, exact: TaskState): TaskState {
  return isPartitionAware(framework.info) ? exact : TaskState.TASK_LOST;
}

/**
 * Ends a task whose agent is gone for the master, and tells the framework: also of one that has ended, but whose update
 * was not acknowledged.
 */
export function loseTask(
  state: MasterState,
  framework: Framework | undefined,
  task: TaskEntry,
  loss: { state: TaskState; reason: Reason; message: string; unreachableTimeMs?: number; unreachable?: boolean },
): void {
  const status = masterStatus(state.clock.now(), {
    taskId: task.id,
    state: loss.state,
    agentId: task.agentId,
    executorId: task.info.executorId?.value,
    reason: loss.reason,
    message: loss.message,
  });
  if (loss.unreachableTimeMs !== undefined) {
    status.unreachableTime = { nanoseconds: BigInt(Math.round(loss.unreachableTimeMs)) * 1_000_000n };
  }
  updateTask(state, task, status);
  framework?.send(events.update(status));
  removeTask(state, task, loss.unreachable);
}
