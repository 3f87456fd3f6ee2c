import { ExecutorInfo, ExecutorInfo_Type, Offer_Operation_Type, TaskInfo } from "../../../../gen/mesos/v1/mesos.js";
import { Call } from "../../../../gen/mesos/v1/scheduler/scheduler.js";
import { lengthDelimited, messageField, varintField } from "../../../../wire/proto.js";
import {
  call,
  concat,
  customExecutor,
  groupOperation,
  id,
  launch,
  launchExecutor,
  launchGroup,
  newTask,
  newTaskId,
  operations,
  type PartialExecutor,
  type PartialTask,
  rawOperation,
  scalar,
  small,
  textResource,
} from "./builders.js";
import type { RefusedCall, StricterCall, TakenCall } from "./example.js";

const TASK_INFO = "accept.operations[0].launch.task_infos[0]";
const GROUP = "accept.operations[0].launch_group";

const invalidTask = (name: string, more: PartialTask, path: string, says: string, mesos: string): RefusedCall => ({
  name: `a task with ${name}`,
  bytes: (offer) => launch(offer, newTask(offer, more)),
  field: `${TASK_INFO}${path}`,
  says,
  mesos: { taskError: mesos },
});

const invalidExecutor = (
  name: string,
  more: PartialExecutor,
  path: string,
  says: string,
  mesos: string,
): RefusedCall => ({
  name: `an executor with ${name}`,
  bytes: (offer) => launchExecutor(offer, more),
  field: `${TASK_INFO}.executor.${path}`,
  says,
  mesos: { taskError: mesos },
});

const invalidGroup = (
  name: string,
  executor: PartialExecutor,
  task: PartialTask,
  path: string,
  says: string,
  mesos: string,
): RefusedCall => ({
  name: `a group of ${name}`,
  bytes: (offer) => launchGroup(offer, executor, task),
  field: `${GROUP}.${path}`,
  says,
  mesos: { taskError: mesos },
});

const operationWithout = (type: Exclude<keyof typeof Offer_Operation_Type, "UNRECOGNIZED">): RefusedCall => ({
  name: `an operation ${type} without its message`,
  bytes: (offer) => rawOperation(offer, varintField(1, Offer_Operation_Type[type])),
  field: `accept.operations[0].${type.toLowerCase()}`,
  says: "is required in an operation of this type",
  mesos: "nothing",
});

const invalidAmounts = [-1, -0.0001, Number.NaN, Infinity, 9.3e15, 1e300];

export const refusedOperations: readonly RefusedCall[] = [
  {
    name: "a launch on no offer",
    bytes: (offer) =>
      call("ACCEPT", {
        accept: { operations: [{ type: Offer_Operation_Type.LAUNCH, launch: { taskInfos: [newTask(offer)] } }] },
      }),
    field: "accept.offer_ids",
    says: "at least one element",
    mesos: { taskError: "No offers specified" },
  },
  {
    name: "a launch on the same offer twice",
    bytes: (offer) => {
      const offerIds = offer.id ? [offer.id, offer.id] : [];
      const operations = [{ type: Offer_Operation_Type.LAUNCH, launch: { taskInfos: [newTask(offer)] } }];
      return call("ACCEPT", { accept: { offerIds, operations } });
    },
    field: "accept.offer_ids",
    says: "the same element twice",
    mesos: { taskError: "Duplicate offer" },
  },
  {
    name: "an operation of type UNKNOWN",
    bytes: (offer) =>
      operations(offer, { type: Offer_Operation_Type.UNKNOWN, launch: { taskInfos: [newTask(offer)] } }),
    field: "accept.operations[0].type",
    says: "must name an operation",
    mesos: "nothing",
  },
  {
    name: "an operation without a type",
    bytes: (offer) => operations(offer, { launch: { taskInfos: [newTask(offer)] } }),
    field: "accept.operations[0].type",
    says: "is required",
    mesos: "nothing",
  },
  operationWithout("RESERVE"),
  operationWithout("UNRESERVE"),
  operationWithout("CREATE"),
  operationWithout("DESTROY"),
  operationWithout("LAUNCH_GROUP"),
  operationWithout("GROW_VOLUME"),
  operationWithout("SHRINK_VOLUME"),
  operationWithout("CREATE_DISK"),
  operationWithout("DESTROY_DISK"),
  {
    name: "a launch with an operation id",
    bytes: (offer) =>
      operations(offer, {
        type: Offer_Operation_Type.LAUNCH,
        id: { value: "o" },
        launch: { taskInfos: [newTask(offer)] },
      }),
    field: "accept.operations[0].id",
    says: "must not be set in a launch",
    mesos: { taskError: "The `id` field cannot be set on LAUNCH operations" },
  },
  {
    name: "a group with an operation id",
    bytes: (offer) => operations(offer, { ...groupOperation(offer, {}, {}), id: { value: "o" } }),
    field: "accept.operations[0].id",
    says: "must not be set in a launch",
    mesos: { taskError: "The `id` field cannot be set on LAUNCH_GROUP operations" },
  },
  invalidTask("an empty id", { taskId: { value: "" } }, ".task_id.value", "must not be empty", "ID must not be empty"),
  invalidTask("dots as id", { taskId: { value: ".." } }, ".task_id.value", '"." or ".."', "'..' is disallowed"),
  invalidTask("a slash", { taskId: { value: "a/b" } }, ".task_id.value", "slashes", "contains invalid characters"),
  invalidTask(
    "an id of 256 bytes",
    { taskId: { value: "x".repeat(256) } },
    ".task_id.value",
    "longer than 255 bytes",
    "ID must not be greater than 255 characters",
  ),
  invalidTask("an empty agent id", { agentId: { value: "" } }, ".agent_id.value", "must not be empty", "invalid agent"),
  invalidTask("no resources", { resources: [] }, ".resources", "at least one element", "Task uses no resources"),
  invalidTask("neither command nor executor", { command: undefined }, "", "must have either", "(but not both)"),
  invalidTask("both command and executor", { executor: customExecutor() }, "", "must have either", "(but not both)"),
  invalidTask(
    "a negative grace period",
    { killPolicy: { gracePeriod: { nanoseconds: -1n } } },
    ".kill_policy.grace_period.nanoseconds",
    "must not be negative",
    "'kill_policy.grace_period' must be non-negative",
  ),
  invalidTask(
    "a negative completion time",
    { maxCompletionTime: { nanoseconds: -(2n ** 63n) } },
    ".max_completion_time.nanoseconds",
    "must not be negative",
    "`max_completion_time` must be non-negative",
  ),
  ...invalidAmounts.map((amount) =>
    invalidTask(
      `${amount} cpus`,
      { resources: [...small, scalar("cpus", amount)] },
      ".resources[2].scalar.value",
      amount < 0 ? "negative" : Number.isFinite(amount) ? "too large" : "finite",
      "Invalid scalar resource",
    ),
  ),
  {
    name: "a task with a resource of type TEXT",
    bytes: (offer) => launch(offer, newTask(offer, { resources: [...small, textResource] })),
    field: `${TASK_INFO}.resources[2].type`,
    says: "SCALAR, RANGES or SET",
    mesos: "crash",
  },
  invalidExecutor(
    "an empty id",
    { executorId: { value: "" } },
    "executor_id.value",
    "must not be empty",
    "ID must not",
  ),
  invalidExecutor("a slash", { executorId: { value: "a/b" } }, "executor_id.value", "slashes", "invalid characters"),
  invalidExecutor(
    "type DEFAULT in a LAUNCH",
    { type: ExecutorInfo_Type.DEFAULT, command: undefined },
    "type",
    "must be CUSTOM or unset",
    "'ExecutorInfo.type' must be 'CUSTOM'",
  ),
  invalidExecutor(
    "type UNKNOWN in a LAUNCH",
    { type: ExecutorInfo_Type.UNKNOWN },
    "type",
    "must be CUSTOM or unset",
    "'ExecutorInfo.type' must be 'CUSTOM'",
  ),
  invalidExecutor("no command", { command: undefined }, "command", "is required", "'ExecutorInfo.command' must be set"),
  invalidExecutor(
    "type CUSTOM and no command",
    { type: ExecutorInfo_Type.CUSTOM, command: undefined },
    "command",
    "is required",
    "'ExecutorInfo.command' must be set for 'CUSTOM' executor",
  ),
  invalidExecutor(
    "a negative grace period",
    { shutdownGracePeriod: { nanoseconds: -1n } },
    "shutdown_grace_period.nanoseconds",
    "must not be negative",
    "'shutdown_grace_period' must be non-negative",
  ),
  invalidExecutor(
    "infinite cpus",
    { resources: [scalar("cpus", Infinity)] },
    "resources[0].scalar.value",
    "finite",
    "Invalid scalar resource",
  ),
  invalidGroup("an executor without a type", { type: undefined }, {}, "executor.type", "is required", "must be set"),
  invalidGroup(
    "an executor of type UNKNOWN",
    { type: ExecutorInfo_Type.UNKNOWN },
    {},
    "executor.type",
    "must be DEFAULT or CUSTOM",
    "Unknown executor type",
  ),
  invalidGroup(
    "a DEFAULT executor with a command",
    { command: { value: "true" } },
    {},
    "executor.command",
    "must not be set in a DEFAULT executor",
    "'ExecutorInfo.command' must not be set for 'DEFAULT' executor",
  ),
  invalidGroup(
    "a CUSTOM executor without a command",
    { type: ExecutorInfo_Type.CUSTOM },
    {},
    "executor.command",
    "is required in a CUSTOM executor",
    "'ExecutorInfo.command' must be set for 'CUSTOM' executor",
  ),
  invalidGroup(
    "an executor without framework id",
    { frameworkId: undefined },
    {},
    "executor.framework_id",
    "is required",
    "'ExecutorInfo.framework_id' must be set",
  ),
  invalidGroup(
    "an executor with an empty id",
    { executorId: { value: "" } },
    {},
    "executor.executor_id.value",
    "must not be empty",
    "ID must not be empty",
  ),
  invalidGroup(
    "an executor with a negative grace period",
    { shutdownGracePeriod: { nanoseconds: -5n } },
    {},
    "executor.shutdown_grace_period.nanoseconds",
    "must not be negative",
    "'shutdown_grace_period' must be non-negative",
  ),
  invalidGroup(
    "a task without resources",
    {},
    { resources: [] },
    "task_group.tasks[0].resources",
    "at least one element",
    "Task uses no resources",
  ),
  invalidGroup(
    "a task with a slash in its id",
    {},
    { taskId: { value: "a/b" } },
    "task_group.tasks[0].task_id.value",
    "slashes",
    "contains invalid characters",
  ),
  {
    name: "a group of an executor type that Mesos does not know",
    bytes: (offer) => {
      const { launchGroup: body } = groupOperation(offer, { type: undefined }, {});
      const executor = ExecutorInfo.encode(ExecutorInfo.fromPartial(body?.executor ?? {})).finish();
      const tasks = lengthDelimited(1, TaskInfo.encode(TaskInfo.fromPartial(newTask(offer))).finish());
      const payload = concat(messageField(1, [executor, varintField(15, 9)]), lengthDelimited(2, tasks));
      return rawOperation(offer, varintField(1, 6), lengthDelimited(7, payload));
    },
    field: `${GROUP}.executor.type`,
    says: "does not know; it must be one that it knows: UNKNOWN, DEFAULT, CUSTOM",
    mesos: { taskError: "'ExecutorInfo.type' must be set" },
  },
  {
    name: "RESERVE of negative cpus",
    bytes: (offer) => operations(offer, { type: 2, id: { value: "o" }, reserve: { resources: [scalar("cpus", -1)] } }),
    field: "accept.operations[0].reserve.resources[0].scalar.value",
    says: "must not be negative",
    mesos: { operationError: "Invalid scalar resource" },
  },
  {
    name: "CREATE of a volume of NaN",
    bytes: (offer) =>
      operations(offer, { type: 4, id: { value: "o" }, create: { volumes: [scalar("disk", Number.NaN)] } }),
    field: "accept.operations[0].create.volumes[0].scalar.value",
    says: "finite",
    mesos: { operationError: "Invalid scalar resource" },
  },
  {
    name: "SHRINK_VOLUME by less than nothing",
    bytes: (offer) =>
      operations(offer, {
        type: 12,
        id: { value: "o" },
        shrinkVolume: { volume: scalar("disk", 1), subtract: { value: -1 } },
      }),
    field: "accept.operations[0].shrink_volume.subtract.value",
    says: "must not be negative",
    mesos: { operationError: "" },
  },
  {
    name: "RESERVE of a resource of type TEXT",
    bytes: (offer) => operations(offer, { type: 2, id: { value: "o" }, reserve: { resources: [textResource] } }),
    field: "accept.operations[0].reserve.resources[0].type",
    says: "SCALAR, RANGES or SET",
    mesos: "crash",
  },
];

export const takenOperations: readonly TakenCall[] = [
  { name: "a launch", bytes: (offer) => launch(offer, newTask(offer)), outcome: "launched" },
  {
    name: "a launch of an executor",
    bytes: (offer) => launchExecutor(offer, { type: ExecutorInfo_Type.CUSTOM }),
    outcome: "launched",
  },
  { name: "an executor without a type", bytes: (offer) => launchExecutor(offer, {}), outcome: "launched" },
  {
    name: "an executor of a type that Mesos does not know",
    bytes: (offer) => launchExecutor(offer, { type: 9 as ExecutorInfo_Type }),
    outcome: "launched",
  },
  { name: "a group", bytes: (offer) => launchGroup(offer), outcome: "launched" },
  {
    name: "a group of a task without a command",
    bytes: (offer) => launchGroup(offer, {}, { command: undefined }),
    outcome: "launched",
  },
  {
    name: "a resource of nothing",
    bytes: (offer) => launch(offer, newTask(offer, { resources: [...small, scalar("disk", 0)] })),
    outcome: "launched",
  },
  {
    name: "times of nothing",
    bytes: (offer) => launch(offer, newTask(offer, { killPolicy: { gracePeriod: { nanoseconds: 0n } } })),
    outcome: "launched",
  },
  {
    name: "a launch, whose operation has fields that are not known",
    bytes: (offer) => {
      const info = TaskInfo.encode(TaskInfo.fromPartial(newTask(offer))).finish();
      return rawOperation(offer, varintField(1, 1), varintField(999, 7), lengthDelimited(2, lengthDelimited(1, info)));
    },
    outcome: "launched",
  },
  {
    name: "an unknown operation before a launch",
    bytes: (offer) => {
      const accept = Call.decode(launch(offer, newTask(offer))).accept;
      const operations = [{ type: 99 as Offer_Operation_Type }, ...(accept?.operations ?? [])];
      return call("ACCEPT", { accept: { offerIds: accept?.offerIds ?? [], operations } });
    },
    outcome: "launched",
  },
  {
    name: "a launch of no task, with an id",
    bytes: (offer) => operations(offer, { type: 1, id: { value: "o" }, launch: {} }),
    outcome: "taken",
  },
  { name: "a launch without its message", bytes: (offer) => operations(offer, { type: 1 }), outcome: "taken" },
];

/** Where the validator is stricter than Mesos, which makes one value of several and takes the last. */
export const stricterOperations: readonly StricterCall[] = [
  {
    name: "a task id in two parts",
    bytes: (offer) => {
      const info = TaskInfo.encode(TaskInfo.fromPartial(newTask(offer, { taskId: undefined }))).finish();
      const taskId = concat(messageField(2, []), lengthDelimited(2, id(newTaskId())));
      return rawOperation(offer, varintField(1, 1), lengthDelimited(2, messageField(1, [info, taskId])));
    },
    field: `${TASK_INFO}.task_id`,
    says: "is set more than once",
  },
  {
    name: "a task id of two values, the last of which is valid",
    bytes: (offer) => {
      const info = TaskInfo.encode(TaskInfo.fromPartial(newTask(offer, { taskId: undefined }))).finish();
      const taskId = messageField(2, [id("a/b"), id(newTaskId())]);
      return rawOperation(offer, varintField(1, 1), lengthDelimited(2, messageField(1, [info, taskId])));
    },
    field: `${TASK_INFO}.task_id.value`,
    says: "is set more than once",
  },
];
