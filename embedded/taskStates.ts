import { OperationState, TaskState } from "../gen/mesos/v1/mesos.js";

const RUNNING_STATES: ReadonlySet<TaskState> = new Set([
  TaskState.TASK_STAGING,
  TaskState.TASK_STARTING,
  TaskState.TASK_RUNNING,
  TaskState.TASK_KILLING,
  TaskState.TASK_UNREACHABLE,
  TaskState.TASK_UNKNOWN,
]);

/** Whether Mesos takes the task for ended; TASK_LOST counts, though such a task may come back. */
export function isTerminal(state: TaskState | undefined): boolean {
  return state !== undefined && !RUNNING_STATES.has(state);
}

export function isTerminalOperation(state: OperationState | undefined): boolean {
  return (
    state === OperationState.OPERATION_FINISHED ||
    state === OperationState.OPERATION_FAILED ||
    state === OperationState.OPERATION_ERROR ||
    state === OperationState.OPERATION_DROPPED ||
    state === OperationState.OPERATION_GONE_BY_OPERATOR
  );
}
