import {
  FrameworkInfo_Capability_Type as Capability,
  type FrameworkInfo,
  TaskState,
} from "../../gen/mesos/v1/mesos.js";

/** For a task that its agent does not have, or gives up. */
export function droppedState(framework: FrameworkInfo): TaskState {
  return exactState(framework, TaskState.TASK_DROPPED);
}

/** Frameworks without PARTITION_AWARE know only TASK_LOST. */
export function exactState(framework: FrameworkInfo, exact: TaskState): TaskState {
  return isPartitionAware(framework) ? exact : TaskState.TASK_LOST;
}

export function isPartitionAware(framework: FrameworkInfo): boolean {
  return framework.capabilities.some(({ type }) => type === Capability.PARTITION_AWARE);
}
