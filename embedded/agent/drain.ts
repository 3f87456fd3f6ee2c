import {
  type DrainConfig,
  type FrameworkInfo,
  TaskStatus_Reason as Reason,
  TaskState,
  type TaskStatus,
} from "../../gen/mesos/v1/mesos.js";
import { isPartitionAware } from "./lostStates.js";

/** Set while an agent drains. */
export interface Drain {
  readonly config: DrainConfig;
  /** In ms. Undefined when an earlier run of the agent was told to drain, until this one begins. */
  readonly startTime: number | undefined;
}

/** A task that is killed while its agent drains is killed for that reason, whatever else was said of it. */
export function duringDrain(drain: Drain | undefined, framework: FrameworkInfo, status: TaskStatus): TaskStatus {
  const isKill = status.state === TaskState.TASK_KILLING || status.state === TaskState.TASK_KILLED;
  if (!drain || !isKill) return status;
  const gone = drain.config.markGone && isPartitionAware(framework);
  const state = gone ? TaskState.TASK_GONE_BY_OPERATOR : status.state;
  return { ...status, state, reason: Reason.REASON_AGENT_DRAINING };
}
