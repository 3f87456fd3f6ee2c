import { parseFailure } from "../../../executor/inverter/job.js";
import { type TaskStatus, TaskStatus_Reason } from "../../../gen/mesos/v1/mesos.js";

/** After these the agent's executor is gone, or is not the one that we take it for. */
const ENDS_EXECUTOR: ReadonlySet<TaskStatus_Reason | undefined> = new Set([
  TaskStatus_Reason.REASON_EXECUTOR_TERMINATED,
  TaskStatus_Reason.REASON_EXECUTOR_UNREGISTERED,
  TaskStatus_Reason.REASON_EXECUTOR_REGISTRATION_TIMEOUT,
  TaskStatus_Reason.REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
  TaskStatus_Reason.REASON_CONTAINER_LAUNCH_FAILED,
  TaskStatus_Reason.REASON_TASK_INVALID,
  TaskStatus_Reason.REASON_AGENT_REMOVED,
]);

/** True when the next task on that agent needs another executor. */
export function endsExecutor({ reason }: TaskStatus): boolean {
  return ENDS_EXECUTOR.has(reason);
}

/** True when the executor itself says that another try would end the same way: that is the image's own fault. */
export function isFinal({ data }: TaskStatus): boolean {
  try {
    return parseFailure(data)?.retryable === false;
  } catch {
    return false;
  }
}

/** How the executor begins when a server can't be reached. */
const NO_CONNECTION = /server gone|server stalled|no such host/;

/**
 * True when the agent, or the executor on it, could not reach this program.
 *
 * @param host  of this program, with the port, as agents are told
 */
export function couldNotReach({ reason, message = "" }: TaskStatus, host: string): boolean {
  // What Mesos says about it names neither the URL nor the cause: those are in the sandbox.
  if (reason === TaskStatus_Reason.REASON_CONTAINER_LAUNCH_FAILED) return /fetch/i.test(message);
  return NO_CONNECTION.test(message) && message.includes(host);
}
