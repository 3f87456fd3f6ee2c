import { TaskStatus_Reason as Reason, type TaskInfo, TaskState } from "../../gen/mesos/v1/mesos.js";
import type { RunTasks } from "../link.js";
import type { AgentFramework, Executor, Termination } from "./executor.js";
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
  executorId: string | undefined,
  { reason, message }: Termination,
): void {
  for (const { taskId } of tasks) {
    const status = state.ownStatus({
      taskId: taskId?.value ?? "",
      state: droppedState(framework.info),
      executorId,
      reason,
      message,
    });
    state.updates.add(framework.id, executorId, status);
  }
}

/** Tasks that are not run, and so neither is the executor that was to be started for them. */
export function refuseTasks(state: AgentState, framework: AgentFramework, message: RunTasks, why: Termination): void {
  dropTasks(state, framework, message.tasks, undefined, why);
  notStarted(state, framework, message);
}

/** The master has noted the executor already. */
function notStarted(state: AgentState, framework: AgentFramework, { executor, launchExecutor }: RunTasks): void {
  if (!executor || !launchExecutor) return;
  const executorId = executor.executorId?.value ?? "";
  state.toMaster((master, agentId) => master.exitedExecutor(agentId, framework.id, executorId, UNKNOWN_STATUS));
}

/** The master gives out nothing of a drained agent, but one can be back in service before its last executor has ended. */
export function dropDuringDrain(
  state: AgentState,
  framework: AgentFramework,
  message: RunTasks,
  executorId: string | undefined,
): void {
  notStarted(state, framework, message);
  dropTasks(state, framework, message.tasks, executorId, {
    reason: Reason.REASON_AGENT_DRAINING,
    message: "Task was received while agent was already draining",
  });
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
