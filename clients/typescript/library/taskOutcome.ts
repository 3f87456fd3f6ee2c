import { TaskState, type TaskStatus, TaskStatus_Reason, TaskStatus_Source } from "../../../gen/mesos/v1/mesos.js";

/**
 * What a status means for the scheduler that launched the task:
 * `active`: it has not ended; `finished`: it succeeded; `failed`: its own fault, so a retry would not help;
 * `killed`: on request; `lost`: Mesos or an agent lost it, and a new task may succeed.
 */
export type TaskOutcome = "active" | "finished" | "failed" | "killed" | "lost";

const OUTCOMES: ReadonlyMap<TaskState | undefined, TaskOutcome> = new Map([
  [TaskState.TASK_FINISHED, "finished"],
  [TaskState.TASK_FAILED, "failed"],
  [TaskState.TASK_ERROR, "failed"],
  [TaskState.TASK_KILLED, "killed"],
  [TaskState.TASK_LOST, "lost"],
  [TaskState.TASK_DROPPED, "lost"],
  [TaskState.TASK_UNREACHABLE, "lost"],
  [TaskState.TASK_GONE, "lost"],
  [TaskState.TASK_GONE_BY_OPERATOR, "lost"],
  [TaskState.TASK_UNKNOWN, "lost"],
]);

/** TASK_FAILED with one of these is not the fault of the task: its container or its executor died. */
const NOT_THE_TASK: ReadonlySet<TaskStatus_Reason | undefined> = new Set([
  TaskStatus_Reason.REASON_EXECUTOR_TERMINATED,
  TaskStatus_Reason.REASON_EXECUTOR_UNREGISTERED,
  TaskStatus_Reason.REASON_EXECUTOR_REGISTRATION_TIMEOUT,
  TaskStatus_Reason.REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
  TaskStatus_Reason.REASON_CONTAINER_LAUNCH_FAILED,
  TaskStatus_Reason.REASON_CONTAINER_UPDATE_FAILED,
  TaskStatus_Reason.REASON_CONTAINER_PREEMPTED,
  TaskStatus_Reason.REASON_CONTAINER_LIMITATION,
  TaskStatus_Reason.REASON_CONTAINER_LIMITATION_MEMORY,
  TaskStatus_Reason.REASON_CONTAINER_LIMITATION_DISK,
  TaskStatus_Reason.REASON_IO_SWITCHBOARD_EXITED,
]);

/** TASK_UNREACHABLE counts as `lost`, but may come back: kill what does. */
export function taskOutcome({ state, reason }: Pick<TaskStatus, "state" | "reason">): TaskOutcome {
  const outcome = OUTCOMES.get(state) ?? "active";
  if (outcome === "failed" && state === TaskState.TASK_FAILED && NOT_THE_TASK.has(reason)) return "lost";
  return outcome;
}

/** Whether a task was lost with its agent, or with its offer. It did not fail then. */
export function isAgentsFault(status: TaskStatus): boolean {
  const { SOURCE_MASTER } = TaskStatus_Source;
  return (status.source ?? SOURCE_MASTER) === SOURCE_MASTER && taskOutcome(status) === "lost";
}

/** The task and its status in words: `task-1: TASK_FAILED, REASON_EXECUTOR_TERMINATED: Executor terminated`. */
export function describeStatus(status: TaskStatus): string {
  return `${status.taskId?.value ?? "a task"}: ${describeState(status)}`;
}

/** The same without the task's id, for lines that begin with it. */
export function describeState({ state, reason, message }: TaskStatus): string {
  const name = state === undefined ? "unknown" : (TaskState[state] ?? String(state));
  const why = reason === undefined ? "" : `, ${TaskStatus_Reason[reason] ?? String(reason)}`;
  return `${name}${why}${message ? `: ${message}` : ""}`;
}
