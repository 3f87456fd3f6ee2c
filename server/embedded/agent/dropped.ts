import {
  type ExecutorInfo,
  TaskStatus_Reason as Reason,
  type TaskInfo,
  TaskState,
} from "../../../gen/mesos/v1/mesos.js";
import type { RunTasks } from "../link.js";
import type { AgentFramework, Executor } from "./executor.js";
import { droppedState } from "./lostStates.js";
import { UNKNOWN_STATUS } from "./processGroup.js";
import type { AgentState } from "./state.js";

/** What the agent says of tasks that it does not launch, or does not have. */

export function refuseLaunch(message: RunTasks, known: Executor | undefined, isCommand: boolean): string | undefined {
  if (isCommand) {
    return known ? "Cannot reuse an already existing executor for a command task" : undefined;
  }
  if (message.launchExecutor && known) return "Master wants to launch executor, but one already exists";
  if (!message.launchExecutor && !known) return "No executor is expected to launch and there is none running";
  if (known?.state === "terminating" || known?.state === "terminated") return `Executor ${known.state}`;
  return undefined;
}

export function dropTasks(
  state: AgentState,
  framework: AgentFramework,
  tasks: readonly TaskInfo[],
  executor: ExecutorInfo,
  why: { reason: Reason; message: string },
): void {
  for (const { taskId } of tasks) {
    const status = state.ownStatus({
      taskId: taskId?.value ?? "",
      state: droppedState(framework.info),
      executorId: executor.executorId?.value,
      ...why,
    });
    state.updates.add(framework.id, executor.executorId?.value, status);
  }
}

/** The master gives out nothing of a drained agent, but one can be back in service before its last executor has ended. */
export function dropDuringDrain(
  state: AgentState,
  framework: AgentFramework,
  { tasks, launchExecutor }: RunTasks,
  executor: ExecutorInfo,
): void {
  const executorId = executor.executorId?.value ?? "";
  // The master has noted it already.
  if (launchExecutor) {
    state.toMaster((master, agentId) => master.exitedExecutor(agentId, framework.id, executorId, UNKNOWN_STATUS));
  }
  const message = "Task was received while agent was already draining";
  dropTasks(state, framework, tasks, executor, { reason: Reason.REASON_AGENT_DRAINING, message });
}

/** A task to be killed that no executor here has. */
export function dropUnknown(state: AgentState, frameworkId: string, taskId: string): void {
  const info = state.frameworks.get(frameworkId)?.info;
  const status = state.ownStatus({
    taskId,
    state: info ? droppedState(info) : TaskState.TASK_LOST,
    reason: Reason.REASON_EXECUTOR_TERMINATED,
    message: "Cannot find executor",
  });
  state.updates.add(frameworkId, undefined, status);
}
