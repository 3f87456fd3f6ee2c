import {
  CommandInfo,
  ExecutorInfo,
  ExecutorInfo_Type,
  FrameworkInfo,
  FrameworkInfo_Capability_Type,
  type Offer,
  type Offer_Operation,
  Offer_Operation_Type,
  TaskInfo,
} from "../../../gen/mesos/v1/mesos.js";
import { Call, Call_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { lengthDelimited, stringField, varintField } from "../../../wire/proto.js";

/**
 * Examples that the validator refuses or takes, and what a real Mesos 1.11.0 makes of the same bytes: unit tests
 * hold the validator to them, a contract test Mesos.
 */

/** What Mesos answers. Texts are parts of its own. */
export type Answer =
  /** 400, and the text of its body. */
  | { badRequest: string }
  /** An ERROR event, and its message. */
  | { error: string }
  /** 202, then TASK_ERROR or TASK_DROPPED for each task, and the message. */
  | { taskError: string }
  /** 202, then OPERATION_ERROR, and the message. */
  | { operationError: string }
  /** 202, and nothing comes of it. */
  | "nothing"
  /** The master dies. */
  | "crash";

/** What comes of bytes that Mesos takes: tasks get going, or there is nothing to be seen. */
export type Outcome = "taken" | "launched";

/** Call.Subscribe in bytes. */
export type SubscribeBytes = () => Uint8Array;
/** Call in bytes, without the framework id. */
export type CallBytes = (offer: Offer) => Uint8Array;

interface Refusal {
  name: string;
  /** The path of the violation. */
  field: string;
  /** Part of its description. */
  says: string;
  mesos: Answer;
}

export interface RefusedSubscribe extends Refusal {
  bytes: SubscribeBytes;
}
export interface RefusedCall extends Refusal {
  bytes: CallBytes;
}

const concat = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
const id = (value: string): Buffer => stringField(1, value);

// Subscriptions

type PartialFramework = Parameters<typeof FrameworkInfo.fromPartial>[0];
const { MULTI_ROLE, PARTITION_AWARE } = FrameworkInfo_Capability_Type;
const multiRole = { capabilities: [{ type: MULTI_ROLE }] };

export function subscribe(info: PartialFramework = {}, ...more: Uint8Array[]): Buffer {
  const framework = FrameworkInfo.fromPartial({ user: "root", name: "validation", failoverTimeout: 0, ...info });
  return concat(lengthDelimited(1, FrameworkInfo.encode(framework).finish()), ...more);
}

const suppressed = (role: string): Buffer => stringField(2, role);

function offerFilters(quantities: Record<string, number>): PartialFramework {
  const amounts = Object.fromEntries(Object.entries(quantities).map(([name, value]) => [name, { value }]));
  return { offerFilters: { "*": { minAllocatableResources: { quantities: [{ quantities: amounts }] } } } };
}

const invalidRole = (name: string, role: string, says: string, mesos: string): RefusedSubscribe => ({
  name: `a role that ${name}`,
  bytes: () => subscribe({ role }),
  field: "framework_info.role",
  says,
  mesos: { error: `'FrameworkInfo.role' is not a valid role: ${mesos}` },
});

const invalidId = (name: string, value: string, says: string, mesos: string): RefusedSubscribe => ({
  name: `a framework id that ${name}`,
  bytes: () => subscribe({ id: { value } }),
  field: "framework_info.id.value",
  says,
  mesos: { error: mesos },
});

const QUANTITY = 'framework_info.offer_filters["*"].min_allocatable_resources.quantities[0].quantities';

const invalidQuantity = (value: number, says: string, mesos: Answer): RefusedSubscribe => ({
  name: `an offer filter of ${value} cpus`,
  bytes: () => subscribe(offerFilters({ cpus: value })),
  field: `${QUANTITY}["cpus"].value`,
  says,
  mesos,
});

export const refusedSubscriptions: readonly RefusedSubscribe[] = [
  {
    name: "no user",
    bytes: () => lengthDelimited(1, stringField(2, "name")),
    field: "framework_info.user",
    says: "is required",
    mesos: { badRequest: "Failed to parse body into Call protobuf" },
  },
  {
    name: "no framework",
    bytes: () => Buffer.alloc(0),
    field: "framework_info",
    says: "is required",
    mesos: { badRequest: "Failed to parse body into Call protobuf" },
  },
  invalidRole("is empty", "", "must not be empty", "Role names cannot be the empty string"),
  invalidRole("starts with a slash", "/a", "start or end with a slash", "Role '/a' cannot start with a slash"),
  invalidRole("ends with a slash", "a/", "start or end with a slash", "Role 'a/' cannot end with a slash"),
  invalidRole("has two slashes", "a//b", "two in a row", "Role 'a//b' cannot contain two adjacent slashes"),
  invalidRole("is a dot", ".", '"." or ".."', "Role '.' cannot include '.' as a component"),
  invalidRole("has dots", "a/../b", '"." or ".."', "Role 'a/../b' cannot include '..' as a component"),
  invalidRole("has a star inside", "a/*", '"*" as a component', "Role 'a/*' cannot include '*' as a component"),
  invalidRole("starts with a dash", "-a", "starts with a dash", "Role component '-a' is invalid"),
  invalidRole("has a component with a dash", "a/-b", "starts with a dash", "Role component '-b' is invalid"),
  invalidRole("has a space", "a b", "whitespace", "Role component 'a b' is invalid"),
  invalidRole("has a tab", "a\tb", "whitespace", "Role component 'a\tb' is invalid"),
  invalidRole("has DEL", "a\x7fb", "DEL", "Role component 'a\x7fb' is invalid"),
  {
    name: "an invalid role among several",
    bytes: () => subscribe({ ...multiRole, roles: ["a", "b", "c d"] }),
    field: "framework_info.roles[2]",
    says: "whitespace",
    mesos: { error: "'FrameworkInfo.roles' contains invalid role" },
  },
  {
    name: "a role with MULTI_ROLE",
    bytes: () => subscribe({ ...multiRole, role: "*" }),
    field: "framework_info.role",
    says: "must not be set with the MULTI_ROLE capability",
    mesos: { error: "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable" },
  },
  {
    name: "roles without MULTI_ROLE",
    bytes: () => subscribe({ roles: ["a"] }),
    field: "framework_info.roles",
    says: "must not be set without the MULTI_ROLE capability",
    mesos: { error: "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable" },
  },
  {
    name: "a role twice",
    bytes: () => subscribe({ ...multiRole, roles: ["a", "b", "a"] }),
    field: "framework_info.roles",
    says: 'the same role twice: "a"',
    mesos: { error: "'FrameworkInfo.roles' contains duplicate items" },
  },
  {
    name: "a suppressed role of others",
    bytes: () => subscribe({ ...multiRole, roles: ["a"] }, suppressed("a"), suppressed("b")),
    field: "suppressed_roles",
    says: '"b" is not',
    mesos: { error: "Suppressed role 'b' is not contained in the list of roles" },
  },
  {
    name: "a suppressed role beside the default one",
    bytes: () => subscribe({}, suppressed("a")),
    field: "suppressed_roles",
    says: '"a" is not',
    mesos: { error: "Suppressed role 'a' is not contained in the list of roles" },
  },
  invalidId("is a dot", ".", '"." or ".."', "'.' is disallowed"),
  invalidId("is two dots", "..", '"." or ".."', "'..' is disallowed"),
  invalidId("has a slash", "a/b", "slashes", "'a/b' contains invalid characters"),
  invalidId("has a backslash", "a\\b", "backslashes", "'a\\b' contains invalid characters"),
  invalidId("has a control character", "a\x01", "control characters", "contains invalid characters"),
  invalidId("has DEL", "a\x7f", "control characters", "contains invalid characters"),
  invalidId("is too long", "ä".repeat(128), "255 bytes; it has 256", "must not be greater than 255 characters"),
  ...[Infinity, -Infinity, 9223372037, -1e10, 1e300].map((seconds) => ({
    name: `a failover timeout of ${seconds}`,
    bytes: () => subscribe({ failoverTimeout: seconds }),
    field: "framework_info.failover_timeout",
    says: "is too large",
    mesos: { error: "The framework failover_timeout" },
  })),
  {
    name: "an offer filter without quantities",
    bytes: () => subscribe(offerFilters({})),
    field: QUANTITY,
    says: "at least one element",
    mesos: { error: "Resource quantities must contain at least one quantity" },
  },
  invalidQuantity(-1, "must not be negative", { error: "Negative values not supported" }),
  invalidQuantity(-0.0001, "must not be negative", { error: "Negative values not supported" }),
  invalidQuantity(Number.NaN, "must be a finite number", { error: "NaN not supported" }),
  invalidQuantity(Infinity, "must be a finite number", { error: "Infinite values not supported" }),
  invalidQuantity(9.3e15, "is too large", "crash"),
  invalidQuantity(1e300, "is too large", "crash"),
];

export const takenSubscriptions: readonly { name: string; bytes: SubscribeBytes }[] = [
  { name: "a plain framework", bytes: () => subscribe() },
  { name: "an empty user", bytes: () => subscribe({ user: "" }) },
  { name: "several roles", bytes: () => subscribe({ ...multiRole, roles: ["a", "a/b", "*", "ü", "a\u00a0b"] }) },
  { name: "no role", bytes: () => subscribe(multiRole) },
  { name: "a role with a control character that is no whitespace", bytes: () => subscribe({ role: "a\x08\x01" }) },
  { name: "an empty framework id", bytes: () => subscribe({ id: { value: "" } }) },
  { name: "a framework id of 255 bytes", bytes: () => subscribe({ id: { value: "x".repeat(255) } }) },
  { name: "a framework id with spaces", bytes: () => subscribe({ id: { value: `a ${Date.now()} ü` } }) },
  ...[-1, Number.NaN, 9223372036, -9223372036, 0].map((seconds) => ({
    name: `a failover timeout of ${seconds}`,
    bytes: () => subscribe({ failoverTimeout: seconds }),
  })),
  {
    name: "an unknown capability",
    bytes: () => subscribe({}, lengthDelimited(1, lengthDelimited(10, varintField(1, 77)))),
  },
  { name: "a capability without a type", bytes: () => subscribe({ capabilities: [{}] }) },
  { name: "the default role suppressed", bytes: () => subscribe({}, suppressed("*"), suppressed("*")) },
  { name: "an offer filter", bytes: () => subscribe(offerFilters({ cpus: 1, mem: 0, disk: 9.2e15 })) },
  {
    name: "an offer filter for nothing",
    bytes: () => subscribe({ offerFilters: { a: { minAllocatableResources: {} } } }),
  },
  {
    name: "a framework in two parts",
    bytes: () => concat(lengthDelimited(1, stringField(1, "root")), lengthDelimited(1, stringField(2, "name"))),
  },
  {
    name: "unknown fields",
    bytes: () => subscribe({}, stringField(999, "a"), lengthDelimited(1, varintField(998, 1))),
  },
  {
    name: "groups 100 levels deep",
    // The framework is the second level of the call, and holds 98 groups.
    bytes: () => subscribe({}, lengthDelimited(1, nestedGroups(98))),
  },
  {
    name: "a oneof whose first member lacks a required field",
    bytes: () => {
      const selector = lengthDelimited(1, stringField(2, "rack"));
      const predicate = lengthDelimited(2, lengthDelimited(3), lengthDelimited(1));
      const constraint = lengthDelimited(1, selector, predicate);
      const roleConstraints = lengthDelimited(2, lengthDelimited(1, constraint));
      return subscribe({}, lengthDelimited(3, lengthDelimited(1, stringField(1, "*"), roleConstraints)));
    },
  },
];

/** Groups of the unknown field 999 within one another. */
export function nestedGroups(depth: number): Buffer {
  const start = Buffer.from([0xbb, 0x3e]);
  const end = Buffer.from([0xbc, 0x3e]);
  return concat(...Array<Buffer>(depth).fill(start), ...Array<Buffer>(depth).fill(end));
}

// Calls

type PartialCall = Parameters<typeof Call.fromPartial>[0];
type PartialOperation = Parameters<typeof Offer_Operation.fromPartial>[0];
type PartialTask = Parameters<typeof TaskInfo.fromPartial>[0];
type PartialExecutor = Parameters<typeof ExecutorInfo.fromPartial>[0];
type PartialResource = NonNullable<PartialTask["resources"]>[number];

const call = (type: keyof typeof Call_Type, body: PartialCall = {}): Uint8Array =>
  Call.encode(Call.fromPartial({ ...body, type: Call_Type[type] })).finish();

const bare = (type: number): Buffer => varintField(2, type);

const refuse = (seconds: number) => ({ refuseSeconds: seconds });

let tasks = 0;

export const scalar = (name: string, value: number): PartialResource => ({ name, type: 0, scalar: { value } });
const small = [scalar("cpus", 0.1), scalar("mem", 32)];

const newTask = (offer: Offer, more: PartialTask = {}): PartialTask => ({
  name: "task",
  taskId: { value: `task-${process.pid}-${++tasks}` },
  agentId: offer.agentId,
  resources: small,
  command: { value: "true" },
  ...more,
});

const operations = (offer: Offer, ...list: PartialOperation[]): Uint8Array =>
  call("ACCEPT", { accept: { offerIds: offer.id ? [offer.id] : [], operations: list } });

const launch = (offer: Offer, ...taskInfos: PartialTask[]): Uint8Array =>
  operations(offer, { type: Offer_Operation_Type.LAUNCH, launch: { taskInfos } });

const customExecutor = (more: PartialExecutor = {}): PartialExecutor => ({
  executorId: { value: `executor-${++tasks}` },
  command: CommandInfo.fromPartial({ value: "sleep 1" }),
  ...more,
});

const launchExecutor = (offer: Offer, more: PartialExecutor): Uint8Array =>
  launch(offer, newTask(offer, { command: undefined, executor: customExecutor(more) }));

const groupOperation = (offer: Offer, executor: PartialExecutor, task: PartialTask): PartialOperation => ({
  type: Offer_Operation_Type.LAUNCH_GROUP,
  launchGroup: {
    executor: {
      type: ExecutorInfo_Type.DEFAULT,
      executorId: { value: `group-${++tasks}` },
      frameworkId: offer.frameworkId,
      resources: [...small, scalar("disk", 10)],
      ...executor,
    },
    taskGroup: { tasks: [newTask(offer, task)] },
  },
});

const launchGroup = (offer: Offer, executor: PartialExecutor = {}, task: PartialTask = {}): Uint8Array =>
  operations(offer, groupOperation(offer, executor, task));

/** An operation in bytes, for those that types can't say. */
const rawOperation = (offer: Offer, ...parts: Uint8Array[]): Buffer =>
  concat(bare(3), lengthDelimited(4, lengthDelimited(1, id(offer.id?.value ?? "")), lengthDelimited(2, ...parts)));

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

const without = (type: Exclude<keyof typeof Call_Type, "UNRECOGNIZED">): RefusedCall => ({
  name: `${type} without its message`,
  bytes: () => bare(Call_Type[type]),
  field: type.toLowerCase(),
  says: `is required in a call of type ${type}`,
  mesos: { badRequest: `Expecting '${type.toLowerCase()}' to be present` },
});

const operationWithout = (type: Exclude<keyof typeof Offer_Operation_Type, "UNRECOGNIZED">): RefusedCall => ({
  name: `an operation ${type} without its message`,
  bytes: (offer) => rawOperation(offer, varintField(1, Offer_Operation_Type[type])),
  field: `accept.operations[0].${type.toLowerCase()}`,
  says: "is required in an operation of this type",
  mesos: "nothing",
});

/** 16 bytes that say they are a UUID of the version. */
export const uuidOfVersion = (version: number): Buffer => Buffer.alloc(16, 0x81).fill(version * 16 + 1, 6, 7);

const acknowledge = (uuid: Uint8Array): Uint8Array =>
  call("ACKNOWLEDGE", {
    acknowledge: { agentId: { value: "agent" }, taskId: { value: "task" }, uuid: Buffer.from(uuid) },
  });

const acknowledgeOperation = (uuid: Uint8Array, agentId: string | undefined = "agent"): Uint8Array =>
  call("ACKNOWLEDGE_OPERATION_STATUS", {
    acknowledgeOperationStatus: {
      agentId: agentId === undefined ? undefined : { value: agentId },
      uuid: Buffer.from(uuid),
      operationId: { value: "operation" },
    },
  });

const invalidUuids: readonly { name: string; uuid: Buffer; says: string }[] = [
  { name: "empty", uuid: Buffer.alloc(0), says: "it has 0 bytes" },
  { name: "text", uuid: Buffer.from("5b2c8f0e-7d4a-4b7e-9f00-1a2b3c4d5e6f"), says: "it has 36 bytes" },
  { name: "of 15 bytes", uuid: Buffer.alloc(15, 0x44), says: "it has 15 bytes" },
  ...[0, 6, 7, 8, 15].map((version) => ({
    name: `of version ${version}`,
    uuid: uuidOfVersion(version),
    says: `its version is ${version}`,
  })),
];

const invalidAmounts = [-1, -0.0001, Number.NaN, Infinity, 9.3e15, 1e300];

const textResource: PartialResource = { name: "x", type: 3 };

const updateFramework = (offer: Offer, info: PartialFramework, ...more: Uint8Array[]): Buffer => {
  const body = FrameworkInfo.fromPartial({
    user: "root",
    name: "validation",
    id: offer.frameworkId,
    capabilities: [{ type: PARTITION_AWARE }],
    ...info,
  });
  return concat(bare(17), lengthDelimited(19, lengthDelimited(1, FrameworkInfo.encode(body).finish()), ...more));
};

export const refusedCalls: readonly RefusedCall[] = [
  {
    name: "no type",
    bytes: () => lengthDelimited(5),
    field: "type",
    says: "is required",
    mesos: { badRequest: "Expecting 'type' to be present" },
  },
  {
    name: "a type that Mesos does not know",
    bytes: () => bare(18),
    field: "type",
    says: "has the value 18, which Mesos 1.11.0 does not know",
    mesos: { badRequest: "Expecting 'type' to be present" },
  },
  { name: "type UNKNOWN", bytes: () => bare(0), field: "type", says: "must name a call", mesos: "crash" },
  {
    name: "SUBSCRIBE",
    bytes: () => bare(1),
    field: "type",
    says: "must not be SUBSCRIBE: attach with SchedulerService.Subscribe",
    mesos: { badRequest: "Expecting 'subscribe' to be present" },
  },
  without("ACCEPT"),
  without("DECLINE"),
  without("ACCEPT_INVERSE_OFFERS"),
  without("DECLINE_INVERSE_OFFERS"),
  without("KILL"),
  without("SHUTDOWN"),
  without("ACKNOWLEDGE"),
  without("ACKNOWLEDGE_OPERATION_STATUS"),
  without("RECONCILE"),
  without("RECONCILE_OPERATIONS"),
  without("MESSAGE"),
  without("REQUEST"),
  without("UPDATE_FRAMEWORK"),
  {
    name: "KILL without a task",
    bytes: () => concat(bare(6), lengthDelimited(6)),
    field: "kill.task_id",
    says: "is required",
    mesos: { badRequest: "Failed to parse body into Call protobuf" },
  },
  ...invalidUuids.flatMap(({ name, uuid, says }) => [
    {
      name: `ACKNOWLEDGE with a uuid ${name}`,
      bytes: () => acknowledge(uuid),
      field: "acknowledge.uuid",
      says,
      mesos: { badRequest: "Not a valid UUID" },
    },
    {
      name: `ACKNOWLEDGE_OPERATION_STATUS with a uuid ${name}`,
      bytes: () => acknowledgeOperation(uuid),
      field: "acknowledge_operation_status.uuid",
      says,
      mesos: { badRequest: "Not a valid UUID" },
    },
  ]),
  {
    name: "ACKNOWLEDGE_OPERATION_STATUS without an agent",
    bytes: () => {
      const { agentId: _, ...body } = { agentId: undefined, uuid: uuidOfVersion(4), operationId: { value: "o" } };
      return call("ACKNOWLEDGE_OPERATION_STATUS", { acknowledgeOperationStatus: body });
    },
    field: "acknowledge_operation_status.agent_id",
    says: "is required",
    mesos: { badRequest: "Expecting 'agent_id' to be present" },
  },
  {
    name: "REVIVE of an invalid role",
    bytes: () => call("REVIVE", { revive: { roles: ["*", "a b"] } }),
    field: "revive.roles[1]",
    says: "whitespace",
    mesos: "nothing",
  },
  {
    name: "SUPPRESS of an invalid role",
    bytes: () => call("SUPPRESS", { suppress: { roles: ["a/"] } }),
    field: "suppress.roles[0]",
    says: "slash",
    mesos: "nothing",
  },
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
      const payload = concat(lengthDelimited(1, executor, varintField(15, 9)), lengthDelimited(2, tasks));
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
  {
    name: "UPDATE_FRAMEWORK without the framework's id",
    bytes: (offer) => updateFramework(offer, { id: undefined }),
    field: "update_framework.framework_info.id",
    says: "is required",
    mesos: { badRequest: "'framework_id' differs from 'update_framework.framework_info.id'" },
  },
  {
    name: "UPDATE_FRAMEWORK to an invalid role",
    bytes: (offer) => updateFramework(offer, { role: "a b" }),
    field: "update_framework.framework_info.role",
    says: "whitespace",
    mesos: { badRequest: "Supplied FrameworkInfo is not valid" },
  },
  {
    name: "UPDATE_FRAMEWORK to an endless failover timeout",
    bytes: (offer) => updateFramework(offer, { failoverTimeout: Infinity }),
    field: "update_framework.framework_info.failover_timeout",
    says: "is too large",
    mesos: { badRequest: "The framework failover_timeout (inf) is invalid" },
  },
  {
    name: "UPDATE_FRAMEWORK with a suppressed role of others",
    bytes: (offer) => updateFramework(offer, {}, suppressed("a")),
    field: "update_framework.suppressed_roles",
    says: '"a" is not',
    mesos: { badRequest: "Suppressed role 'a' is not contained in the list of roles" },
  },
  {
    name: "UPDATE_FRAMEWORK with an offer filter that is too large",
    bytes: (offer) => updateFramework(offer, offerFilters({ cpus: 1e300 })),
    field: `update_framework.${QUANTITY}["cpus"].value`,
    says: "is too large",
    mesos: "crash",
  },
  {
    name: "a message that is cut off",
    bytes: () => concat(bare(4), Buffer.from([0x2a, 5, 0])),
    field: "decline",
    says: "is malformed: it is cut off",
    mesos: { badRequest: "Failed to parse body into Call protobuf" },
  },
  {
    name: "a number of 11 bytes",
    bytes: () => concat(bare(7), Buffer.from([0x10, ...Array<number>(10).fill(0xff), 1])),
    field: "type",
    says: "is malformed: it has a number of more than 10 bytes",
    mesos: { badRequest: "Failed to parse body into Call protobuf" },
  },
  {
    name: "a field of number 0",
    bytes: () => concat(bare(5), lengthDelimited(15, Buffer.from([2, 0]))),
    field: "revive",
    says: "is malformed: it has a field of number 0",
    mesos: { badRequest: "Failed to parse body into Call protobuf" },
  },
  {
    name: "a wire type that does not exist",
    bytes: () => concat(bare(5), Buffer.from([0xbf, 0x3e, 0])),
    field: "",
    says: "is malformed: it has a field of wire type 7",
    mesos: { badRequest: "Failed to parse body into Call protobuf" },
  },
  {
    name: "a group that does not end",
    bytes: () => concat(bare(5), Buffer.from([0xbb, 0x3e])),
    field: "",
    says: "is malformed: it is cut off within a group",
    mesos: { badRequest: "Failed to parse body into Call protobuf" },
  },
  {
    name: "a group that did not start",
    bytes: () => concat(bare(5), Buffer.from([0xbc, 0x3e])),
    field: "",
    says: "is malformed: a group ends that did not start",
    mesos: { badRequest: "Failed to parse body into Call protobuf" },
  },
  {
    name: "groups 101 levels deep",
    bytes: () => concat(bare(5), nestedGroups(101)),
    field: "",
    says: "is nested more than 100 levels deep",
    mesos: { badRequest: "Failed to parse body into Call protobuf" },
  },
  {
    name: "a required field of another wire type",
    bytes: () => concat(bare(6), lengthDelimited(6, lengthDelimited(1, varintField(1, 5)))),
    field: "kill.task_id.value",
    says: "has wire type 0, and must have 2",
    mesos: { badRequest: "Failed to parse body into Call protobuf" },
  },
];

export const takenCalls: readonly { name: string; bytes: CallBytes; outcome: Outcome }[] = [
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
    name: "a task id in two parts",
    bytes: (offer) => {
      const info = TaskInfo.encode(TaskInfo.fromPartial(newTask(offer, { taskId: undefined }))).finish();
      const taskId = concat(lengthDelimited(2), lengthDelimited(2, id(`task-${process.pid}-${++tasks}`)));
      return rawOperation(offer, varintField(1, 1), lengthDelimited(2, lengthDelimited(1, info, taskId)));
    },
    outcome: "launched",
  },
  {
    name: "a task id whose last value is valid",
    bytes: (offer) => {
      const info = TaskInfo.encode(TaskInfo.fromPartial(newTask(offer, { taskId: undefined }))).finish();
      const taskId = lengthDelimited(2, id("a/b"), id(`task-${process.pid}-${++tasks}`));
      return rawOperation(offer, varintField(1, 1), lengthDelimited(2, lengthDelimited(1, info, taskId)));
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
  { name: "ACCEPT of nothing", bytes: () => concat(bare(3), lengthDelimited(4)), outcome: "taken" },
  { name: "DECLINE of nothing", bytes: () => concat(bare(4), lengthDelimited(5)), outcome: "taken" },
  {
    name: "DECLINE of the same offer twice",
    bytes: (offer) => call("DECLINE", { decline: { offerIds: offer.id ? [offer.id, offer.id] : [] } }),
    outcome: "taken",
  },
  ...[Number.NaN, -1, Infinity, 1e300].map((seconds) => ({
    name: `DECLINE for ${seconds} s`,
    bytes: (offer: Offer) =>
      call("DECLINE", { decline: { offerIds: offer.id ? [offer.id] : [], filters: refuse(seconds) } }),
    outcome: "taken" as const,
  })),
  { name: "REVIVE", bytes: () => bare(5), outcome: "taken" },
  { name: "SUPPRESS of a role", bytes: () => call("SUPPRESS", { suppress: { roles: ["*"] } }), outcome: "taken" },
  {
    name: "KILL with a negative grace period",
    bytes: () => call("KILL", { kill: { taskId: { value: "t" }, killPolicy: { gracePeriod: { nanoseconds: -1n } } } }),
    outcome: "taken",
  },
  { name: "KILL of an empty id", bytes: () => call("KILL", { kill: { taskId: { value: "" } } }), outcome: "taken" },
  ...[1, 2, 3, 4, 5].flatMap((version) => [
    {
      name: `ACKNOWLEDGE with a uuid of version ${version}`,
      bytes: () => acknowledge(uuidOfVersion(version)),
      outcome: "taken" as const,
    },
    {
      name: `ACKNOWLEDGE_OPERATION_STATUS with a uuid of version ${version}`,
      bytes: () => acknowledgeOperation(uuidOfVersion(version)),
      outcome: "taken" as const,
    },
  ]),
  { name: "RECONCILE of all", bytes: () => call("RECONCILE", { reconcile: {} }), outcome: "taken" },
  {
    name: "REQUEST of the impossible",
    bytes: () => call("REQUEST", { request: { requests: [{ resources: [scalar("cpus", -1), textResource] }] } }),
    outcome: "taken",
  },
  {
    name: "UPDATE_FRAMEWORK",
    bytes: (offer) => updateFramework(offer, { failoverTimeout: -1 }),
    outcome: "taken",
  },
  { name: "groups 100 levels deep", bytes: () => concat(bare(5), nestedGroups(100)), outcome: "taken" },
  {
    name: "numbers with more bytes than they need",
    bytes: () =>
      concat(
        Buffer.from([0x10, 0x85, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]),
        Buffer.from([0x7a, 0x80, 0x80, 0x00]),
      ),
    outcome: "taken",
  },
];

/** Where the validator is stricter than Mesos, on purpose. */
export const stricterCalls: readonly { name: string; bytes: CallBytes; field: string; says: string }[] = [
  {
    name: "text that is not UTF-8",
    bytes: () => concat(bare(6), lengthDelimited(6, lengthDelimited(1, lengthDelimited(1, Buffer.from([0xff, 0xfe]))))),
    field: "kill.task_id.value",
    says: "is not valid UTF-8",
  },
  {
    name: "an optional field of another wire type",
    bytes: () => concat(bare(4), lengthDelimited(5, lengthDelimited(2, varintField(1, 5)))),
    field: "decline.filters.refuse_seconds",
    says: "has wire type 0, and must have 1",
  },
  {
    name: "a message that ends before its length says",
    bytes: () => concat(bare(5), Buffer.from([0x7a, 3])),
    field: "revive",
    says: "is malformed: it is cut off, or its length is wrong",
  },
  {
    name: "a field number of more than 29 bits",
    bytes: () => concat(bare(5), Buffer.from([0xb8, 0x80, 0x80, 0x80, 0x7f, 0])),
    field: "",
    says: "a field number that is too large",
  },
  {
    name: "an entry of a map without its required value, before one that replaces it",
    bytes: (offer) =>
      updateFramework(
        offer,
        {},
        lengthDelimited(
          3,
          lengthDelimited(1, stringField(1, "*"), lengthDelimited(2, incompleteConstraint())),
          lengthDelimited(1, stringField(1, "*"), lengthDelimited(2, completeConstraint())),
        ),
      ),
    field: 'update_framework.offer_constraints.role_constraints["*"].groups[0].attribute_constraints[0].selector',
    says: "is required",
  },
];

const predicate = () => lengthDelimited(2, lengthDelimited(1));
const incompleteConstraint = () => lengthDelimited(1, lengthDelimited(1, predicate()));
const completeConstraint = () =>
  lengthDelimited(1, lengthDelimited(1, lengthDelimited(1, stringField(2, "rack")), predicate()));

/** A launch as schedulers send it, for measuring. */
export const typicalLaunch: CallBytes = (offer) => launch(offer, newTask(offer), newTask(offer));
export const typicalAcknowledge = (): Uint8Array => acknowledge(uuidOfVersion(4));
