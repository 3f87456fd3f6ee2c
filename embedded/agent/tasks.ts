import { randomUUID } from "node:crypto";
import { Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import {
  type ExecutorInfo,
  type KillPolicy,
  TaskStatus_Reason as Reason,
  TaskState,
} from "../../gen/mesos/v1/mesos.js";
import type { RunTasks } from "../link.js";
import { commandExecutorInfo } from "./commandExecutorInfo.js";
import { refuseLimits } from "./container.js";
import { dropDuringDrain, dropTasks, dropUnknown, refuseLaunch, refuseTasks } from "./dropped.js";
import { AgentFramework, Executor, type QueuedLaunch } from "./executor.js";
import { forgetIfDone, forgetIfIdle } from "./executorEnds.js";
import { startExecutor } from "./executorStart.js";
import { deliver } from "./executorSubscription.js";
import { unpreparable } from "./executorUser.js";
import { UNKNOWN_STATUS } from "./processGroup.js";
import { type AgentState, noteLaunched } from "./state.js";
import { updateFromAgent } from "./taskUpdates.js";

/** What the master wants of tasks. */

export function runTasks(state: AgentState, message: RunTasks): void {
  const frameworkId = message.framework.id?.value ?? "";
  const framework = state.frameworks.get(frameworkId) ?? new AgentFramework(message.framework);
  if (framework.terminating) return;
  const isCommand = message.executor === undefined;
  const info = message.executor ?? commandExecutorInfo(message.tasks[0], frameworkId);
  if (state.drain) return dropDuringDrain(state, framework, message, info.executorId?.value);
  state.frameworks.set(frameworkId, framework);
  const limited = refuseLimits(message.tasks);
  if (limited) {
    refuseTasks(state, framework, message, limited);
    return forgetIfIdle(state, framework);
  }
  const known = framework.executors.get(info.executorId?.value ?? "");
  const refusal = refuseLaunch(message, known, isCommand);
  if (refusal !== undefined) {
    dropTasks(state, framework, message.tasks, info.executorId?.value, {
      reason: Reason.REASON_EXECUTOR_TERMINATED,
      message: refusal,
    });
    return forgetIfIdle(state, framework);
  }
  const executor = known ?? create(state, framework, info, isCommand);
  const unprepared = known ? undefined : unpreparable(state, framework, executor);
  if (unprepared !== undefined) return dropExecutor(state, framework, executor, message.tasks, unprepared);
  const launch: QueuedLaunch = { tasks: [...message.tasks], group: message.group };
  if (executor.state === "running") deliver(state, framework, executor, launch);
  else executor.queue.push(launch);
  if (!known) startExecutor(state, framework, executor).catch((error: Error) => state.log(String(error.stack)));
}

export function killTask(
  state: AgentState,
  frameworkId: string,
  taskId: string,
  killPolicy: KillPolicy | undefined,
): void {
  const framework = state.frameworks.get(frameworkId);
  const executor = framework?.executorOfTask(taskId);
  if (!framework || !executor) return dropUnknown(state, frameworkId, taskId);
  const queued = executor.queued(taskId);
  if (queued) return killQueued(state, framework, executor, queued, taskId);
  if (executor.state !== "running") return;
  executor.channel?.send({ type: Event_Type.KILL, kill: { taskId: { value: taskId }, killPolicy } });
}

/** The scheduler acknowledged an update. */
export function acknowledgeUpdate(state: AgentState, frameworkId: string, taskId: string, uuid: Buffer): void {
  const framework = state.frameworks.get(frameworkId);
  const executor = framework?.executorOfTask(taskId);
  const outcome = state.updates.acknowledge(frameworkId, taskId, uuid);
  if (!outcome || !framework || !executor) return;
  if (!outcome.done) return state.saveExecutor(framework, executor);
  const task = executor.ended.get(taskId);
  if (task) executor.complete(task);
  executor.ended.delete(taskId);
  state.saveExecutor(framework, executor);
  forgetIfDone(state, framework, executor);
}

function create(state: AgentState, framework: AgentFramework, info: ExecutorInfo, isCommand: boolean): Executor {
  const containerId = randomUUID();
  const executorId = info.executorId?.value ?? "";
  const sandbox = state.sandboxOf(framework.id, executorId, containerId);
  const executor = new Executor(framework.id, info, containerId, sandbox, isCommand);
  framework.executors.set(executorId, executor);
  return executor;
}

/** The executor never was: its framework gets a FAILURE, as for one that ended. */
function dropExecutor(
  state: AgentState,
  framework: AgentFramework,
  executor: Executor,
  tasks: Readonly<QueuedLaunch["tasks"]>,
  why: string,
): void {
  framework.executors.delete(executor.id);
  state.log(`executor ${executor.id} of framework ${framework.id} can't be started: ${why}`);
  if (!executor.isCommand) {
    state.toMaster((master, agentId) => master.exitedExecutor(agentId, framework.id, executor.id, UNKNOWN_STATUS));
  }
  const reason = Reason.REASON_EXECUTOR_TERMINATED;
  dropTasks(state, framework, tasks, executor.id, { reason, message: why });
  forgetIfIdle(state, framework);
}

function killQueued(
  state: AgentState,
  framework: AgentFramework,
  executor: Executor,
  launch: QueuedLaunch,
  taskId: string,
): void {
  executor.queue = executor.queue.filter((other) => other !== launch);
  const killed = launch.group ? launch.tasks : launch.tasks.filter((task) => task.taskId?.value === taskId);
  const rest = launch.tasks.filter((task) => !killed.includes(task));
  if (rest.length > 0) executor.queue.push({ ...launch, tasks: rest });
  for (const info of killed) {
    const id = info.taskId?.value ?? "";
    noteLaunched(state, executor, info);
    updateFromAgent(state, framework, executor, {
      taskId: id,
      state: TaskState.TASK_KILLED,
      reason: Reason.REASON_TASK_KILLED_DURING_LAUNCH,
      message: launch.group
        ? "A task within the task group was killed before delivery to the executor"
        : "Killed before delivery to the executor",
    });
  }
}
