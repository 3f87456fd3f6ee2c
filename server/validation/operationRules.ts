/**
 * What Mesos refuses in the operations of an ACCEPT. It answers 202 to the call and then refuses the tasks (TASK_ERROR) or
 * the operation (OPERATION_ERROR, or nothing at all where it has no id). Only what is wrong by itself is found here; what
 * depends on the offer, the agent or other tasks is left to Mesos.
 */
import { hasValue, messageIn } from "../../wire/fields.js";
import { noneProblem, nonNegativeProblem } from "./quantities.js";
import type { ContextRule, MessageRule, RuleSet } from "./rule.js";

const OPERATION = "mesos.v1.Offer.Operation";
const TASK = "mesos.v1.TaskInfo";
const EXECUTOR = "mesos.v1.ExecutorInfo";
const RESOURCE = "mesos.v1.Resource";

/** Numbers of Offer.Operation.Type, of the fields on the way to a launch's tasks, of Value.Type and ExecutorInfo.Type. */
const UNKNOWN = 0;
const LAUNCH = 1;
const LAUNCH_GROUP = 6;
const LAUNCH_TASK_INFOS = 1;
const GROUP_TASK_GROUP = 2;
const TASK_GROUP_TASKS = 1;
const TEXT = 3;
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

/** A resource of type TEXT brings a 1.11.0 master down (`Unexpected Value type: 3`); others refuse it. */
const resourceIsNoText: MessageRule = {
  type: RESOURCE,
  within: "operation",
  check: (slot) => {
    const type = slot("type");
    return (resource) => {
      if (resource.enumNumber(type) === TEXT) resource.report(type, "must be SCALAR, RANGES or SET");
    };
  },
};

/** Every field that holds resources of an operation. */
const RESOURCE_FIELDS = [
  `${TASK}.resources`,
  `${OPERATION}.Reserve.source`,
  `${OPERATION}.Reserve.resources`,
  `${OPERATION}.Unreserve.resources`,
  `${OPERATION}.Create.volumes`,
  `${OPERATION}.Destroy.volumes`,
  `${OPERATION}.GrowVolume.volume`,
  `${OPERATION}.GrowVolume.addition`,
  `${OPERATION}.ShrinkVolume.volume`,
  `${OPERATION}.CreateDisk.source`,
  `${OPERATION}.DestroyDisk.source`,
];

const executorContexts: readonly ContextRule[] = ["launch", "group"].flatMap((within) => [
  { field: `${EXECUTOR}.executor_id`, within, gives: "id" },
  { field: `${EXECUTOR}.resources`, within, gives: "operation" },
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
    { field: `${OPERATION}.ShrinkVolume.subtract`, gives: "quantity" },
    { field: `${RESOURCE}.scalar`, within: "operation", gives: "quantity" },
    ...RESOURCE_FIELDS.map((field) => ({ field, gives: "operation" })),
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
    resourceIsNoText,
  ],
};
