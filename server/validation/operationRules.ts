/**
 * What Mesos refuses in the operations of an ACCEPT. It answers 202 to the call and then refuses the tasks (TASK_ERROR) or
 * the operation (OPERATION_ERROR, or nothing at all where it has no id). Only what is wrong by itself is found here; what
 * depends on the offer, the agent or other tasks is left to Mesos.
 */
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

/** Numbers of Offer.Operation.Type, of the fields on the way to a launch's tasks, and of ExecutorInfo.Type. */
const UNKNOWN = 0;
const LAUNCH = 1;
const LAUNCH_GROUP = 6;
const LAUNCH_TASK_INFOS = 1;
const GROUP_TASK_GROUP = 2;
const TASK_GROUP_TASKS = 1;
const TASK_ID = 2;
const ID_VALUE = 1;
const DEFAULT = 1;
const CUSTOM = 2;

/** Types whose message Mesos looks for in vain, and then drops the operation without a word. LAUNCH without one declines. */
const OPERATION_MESSAGES: ReadonlyMap<number, string> = new Map([
  [2, "reserve"],
  [3, "unreserve"],
  [4, "create"],
  [5, "destroy"],
  [LAUNCH_GROUP, "launch_group"],
  [11, "grow_volume"],
  [12, "shrink_volume"],
  [13, "create_disk"],
  [14, "destroy_disk"],
]);

/**
 * Mesos: an operation without a type, or without the type's message, is dropped without a word. So is one of a type that
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
      if (number === UNKNOWN) operation.report(type, "must name an operation: UNKNOWN is none");
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
      const launches = number === LAUNCH && hasTasks(operation.bytes(launch), LAUNCH_TASK_INFOS);
      const launchesGroup = number === LAUNCH_GROUP && hasGroupTasks(operation.bytes(group));
      if (launches || launchesGroup) operation.report(id, "must not be set in a launch: its tasks report on it");
    };
  },
};

function hasTasks(message: Uint8Array | undefined, field: number): boolean {
  return message !== undefined && hasValue(message, field);
}

function hasGroupTasks(launchGroup: Uint8Array | undefined): boolean {
  return launchGroup !== undefined && hasTasks(messageIn(launchGroup, GROUP_TASK_GROUP), TASK_GROUP_TASKS);
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
      if (number !== undefined && number !== CUSTOM) {
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
      if (number === UNKNOWN) executor.report(type, "must be DEFAULT or CUSTOM");
      if (number === DEFAULT && executor.has(command))
        executor.report(command, "must not be set in a DEFAULT executor");
      if (number === CUSTOM && !executor.has(command)) executor.report(command, "is required in a CUSTOM executor");
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
        const id = twice && messageIn(twice, TASK_ID);
        if (id)
          launch.report(tasks, `must not have two tasks of the same id: ${quoted(lastValue(id, ID_VALUE) ?? id)}`);
      };
    },
  };
}

function taskKey(buffer: Uint8Array, start: number, end: number): string | undefined {
  const task = new ProtoReader(buffer, start, end);
  const id = task.seek(TASK_ID) ? task.message() : undefined;
  if (!id?.seek(ID_VALUE)) return undefined;
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
