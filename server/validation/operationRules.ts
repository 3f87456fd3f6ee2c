/**
 * What Mesos refuses in the operations of an ACCEPT. It answers 202 to the call and then refuses the tasks (TASK_ERROR) or
 * the operation (OPERATION_ERROR, or nothing at all where it has no id). Only what is wrong by itself is found here; what
 * depends on the offer, the agent or other tasks is left to Mesos.
 */
import {
  Offer_Operation_LaunchFields,
  Offer_Operation_LaunchGroupFields,
  TaskGroupInfoFields,
  TaskIDFields,
  TaskInfoFields,
} from "../../gen/mesos/v1/mesos.fields.js";
import { ExecutorInfo_Type as ExecutorType, Offer_Operation_Type as OperationType } from "../../gen/mesos/v1/mesos.js";
import { hasValue, lastValue, messageIn } from "../../wire/fields.js";
import { keyOfBytes } from "../../wire/keys.js";
import { ProtoReader } from "../../wire/proto.js";
import { noneProblem, nonNegativeProblem } from "./quantities.js";
import { repeatedElement } from "./repeated.js";
import type { ContextRule, MessageRule, RuleSet } from "./rule.js";
import { quoted } from "./text.js";

const OPERATION = "mesos.v1.Offer.Operation";
const TASK = "mesos.v1.TaskInfo";
const EXECUTOR = "mesos.v1.ExecutorInfo";

const { UNKNOWN, LAUNCH, LAUNCH_GROUP } = OperationType;

/** Types whose message Mesos looks for in vain, and then drops the operation silently. LAUNCH without one declines. */
const OPERATION_MESSAGES: ReadonlyMap<number, string> = new Map([
  [OperationType.RESERVE, "reserve"],
  [OperationType.UNRESERVE, "unreserve"],
  [OperationType.CREATE, "create"],
  [OperationType.DESTROY, "destroy"],
  [LAUNCH_GROUP, "launch_group"],
  [OperationType.GROW_VOLUME, "grow_volume"],
  [OperationType.SHRINK_VOLUME, "shrink_volume"],
  [OperationType.CREATE_DISK, "create_disk"],
  [OperationType.DESTROY_DISK, "destroy_disk"],
]);

/**
 * Mesos: an operation without a type, or without the type's message, is dropped silently. So is one of a type that
 * 1.11.0 does not know, but a newer master may know it.
 */
const operationHasItsMessage: MessageRule = {
  type: OPERATION,
  check: (slot) => {
    const type = slot("type");
    const needs = new Map([...OPERATION_MESSAGES].map(([number, field]) => [number, slot(field)]));
    return (operation) => {
      const number = operation.enumNumber(type);
      if (number === undefined && !operation.hasUnknownEnum(type)) operation.report(type, "is required");
      if (number === UNKNOWN) operation.report(type, "must name an operation, not UNKNOWN");
      const need = number === undefined ? undefined : needs.get(number);
      if (need !== undefined && !operation.has(need))
        operation.report(need, "is required in an operation of this type");
    };
  },
};

/** Mesos: ``The `id` field cannot be set on LAUNCH operations``, as TASK_ERROR for each task. */
const launchHasNoId: MessageRule = {
  type: OPERATION,
  check: (slot) => {
    const id = slot("id");
    const type = slot("type");
    const launch = slot("launch");
    const group = slot("launch_group");
    return (operation) => {
      if (!operation.has(id)) return;
      const number = operation.enumNumber(type);
      const launches = number === LAUNCH && hasTasks(operation.bytes(launch), Offer_Operation_LaunchFields.taskInfos);
      const launchesGroup = number === LAUNCH_GROUP && hasGroupTasks(operation.bytes(group));
      if (launches || launchesGroup) operation.report(id, "must not be set in a launch: its tasks report on it");
    };
  },
};

function hasTasks(message: Uint8Array | undefined, field: number): boolean {
  return message !== undefined && hasValue(message, field);
}

function hasGroupTasks(launchGroup: Uint8Array | undefined): boolean {
  if (launchGroup === undefined) return false;
  return hasTasks(messageIn(launchGroup, Offer_Operation_LaunchGroupFields.taskGroup), TaskGroupInfoFields.tasks);
}

/** Mesos: `Task should have at least one (but not both) of CommandInfo or ExecutorInfo present`. */
const taskHasOneOfCommandAndExecutor: MessageRule = {
  type: TASK,
  within: "launch",
  check: (slot) => {
    const command = slot("command");
    const executor = slot("executor");
    return (task) => {
      if (task.has(command) === task.has(executor)) task.report(undefined, "must have either command or executor");
    };
  },
};

/** Mesos: `'ExecutorInfo.type' must be 'CUSTOM'`, if it is set, and `'ExecutorInfo.command' must be set`. */
const executorOfLaunch: MessageRule = {
  type: EXECUTOR,
  within: "launch",
  check: (slot) => {
    const type = slot("type");
    const command = slot("command");
    return (executor) => {
      const number = executor.enumNumber(type);
      if (number !== undefined && number !== ExecutorType.CUSTOM) {
        executor.report(type, "must be CUSTOM or unset in a LAUNCH: a DEFAULT executor runs groups, with LAUNCH_GROUP");
      } else if (!executor.has(command)) executor.report(command, "is required in the executor of a LAUNCH");
    };
  },
};

/** Mesos: a CUSTOM executor needs a command, a DEFAULT one must not have any, and there are no others. */
const executorOfGroup: MessageRule = {
  type: EXECUTOR,
  within: "group",
  check: (slot) => {
    const type = slot("type");
    const command = slot("command");
    return (executor) => {
      const number = executor.enumNumber(type);
      if (number === ExecutorType.UNKNOWN) executor.report(type, "must be DEFAULT or CUSTOM");
      if (number === ExecutorType.DEFAULT && executor.has(command))
        executor.report(command, "must not be set in a DEFAULT executor");
      if (number === ExecutorType.CUSTOM && !executor.has(command))
        executor.report(command, "is required in a CUSTOM executor");
    };
  },
};

/**
 * Mesos: `Task has duplicate ID` for the second one of a LAUNCH, though the first one runs under the same id. Of a
 * LAUNCH_GROUP it brings the master down (`Check failed: !tasks[frameworkId].contains(taskId)`).
 */
export function launchesTasksOnce(type: string, field: string): MessageRule {
  return {
    type,
    check: (slot) => {
      const tasks = slot(field);
      return (launch) => {
        const twice = repeatedElement(launch, tasks, taskKey);
        const id = twice && messageIn(twice, TaskInfoFields.taskId);
        if (id)
          launch.report(
            tasks,
            `must not have two tasks with the same id: ${quoted(lastValue(id, TaskIDFields.value) ?? id)}`,
          );
      };
    },
  };
}

function taskKey(buffer: Uint8Array, start: number, end: number): string | undefined {
  const task = new ProtoReader(buffer, start, end);
  const id = task.seek(TaskInfoFields.taskId) ? task.message() : undefined;
  if (!id?.seek(TaskIDFields.value)) return undefined;
  const from = id.bytesStart();
  return keyOfBytes(buffer, from, id.position);
}

const executorContexts: readonly ContextRule[] = ["launch", "group"].flatMap((within) => [
  { field: `${EXECUTOR}.executor_id`, within, gives: "id" },
  { field: `${EXECUTOR}.shutdown_grace_period`, within, gives: "nonNegative" },
]);

export const operationRules: RuleSet = {
  contexts: [
    { field: `${OPERATION}.Launch.task_infos`, gives: "launch" },
    { field: `${OPERATION}.LaunchGroup.executor`, gives: "group" },
    { field: "mesos.v1.TaskGroupInfo.tasks", gives: "group" },
    { field: `${TASK}.executor`, within: "launch", gives: "launch" },
    { field: `${TASK}.task_id`, gives: "id" },
    { field: `${TASK}.agent_id`, gives: "existing" },
    { field: `${TASK}.kill_policy`, gives: "task" },
    { field: "mesos.v1.KillPolicy.grace_period", within: "task", gives: "nonNegative" },
    { field: `${TASK}.max_completion_time`, gives: "nonNegative" },
    ...executorContexts,
  ],
  fields: [
    // Mesos: `Task uses no resources`.
    { field: `${TASK}.resources`, count: noneProblem },
    { field: "mesos.v1.DurationInfo.nanoseconds", within: "nonNegative", number: nonNegativeProblem },
    // Mesos: `'ExecutorInfo.type' must be set`, also for a number that it does not know.
    { field: `${EXECUTOR}.type`, within: "group", required: true },
    // Mesos fills it in for LAUNCH, and for LAUNCH_GROUP says `'ExecutorInfo.framework_id' must be set`.
    { field: `${EXECUTOR}.framework_id`, within: "group", required: true },
  ],
  messages: [
    operationHasItsMessage,
    launchHasNoId,
    taskHasOneOfCommandAndExecutor,
    executorOfLaunch,
    executorOfGroup,
    launchesTasksOnce(`${OPERATION}.Launch`, "task_infos"),
    launchesTasksOnce("mesos.v1.TaskGroupInfo", "tasks"),
  ],
};
