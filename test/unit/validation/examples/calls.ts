import type { Offer } from "../../../../gen/mesos/v1/mesos.js";
import { Call_Type } from "../../../../gen/mesos/v1/scheduler/scheduler.js";
import { lengthDelimited, messageField, stringField, varintField } from "../../../../wire/proto.js";
import {
  bare,
  call,
  concat,
  nestedGroups,
  offerFilters,
  QUANTITY,
  refuse,
  scalar,
  suppressed,
  textResource,
  updateFramework,
} from "./builders.js";
import type { RefusedCall, StricterCall, TakenCall } from "./example.js";
import { refusedOperations, stricterOperations, takenOperations } from "./operations.js";
import { refusedResources, takenResources } from "./resources.js";
import { stricterTexts } from "./texts.js";

const without = (type: Exclude<keyof typeof Call_Type, "UNRECOGNIZED">): RefusedCall => ({
  name: `${type} without its message`,
  bytes: () => bare(Call_Type[type]),
  field: type.toLowerCase(),
  says: `is required in a call of type ${type}`,
  mesos: { badRequest: `Expecting '${type.toLowerCase()}' to be present` },
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

export const refusedCalls: readonly RefusedCall[] = [
  ...refusedOperations,
  ...refusedResources,
  {
    name: "no type",
    bytes: () => messageField(5, []),
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
    bytes: () => concat(bare(6), messageField(6, [])),
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

export const takenCalls: readonly TakenCall[] = [
  ...takenOperations,
  ...takenResources,
  { name: "ACCEPT of nothing", bytes: () => concat(bare(3), messageField(4, [])), outcome: "taken" },
  { name: "DECLINE of nothing", bytes: () => concat(bare(4), messageField(5, [])), outcome: "taken" },
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
export const stricterCalls: readonly StricterCall[] = [
  ...stricterOperations,
  ...stricterTexts,
  {
    name: "a type after another type",
    bytes: () => concat(bare(12), bare(5)),
    field: "type",
    says: "is set more than once",
  },
  {
    name: "a type before one that Mesos does not know",
    bytes: () => concat(bare(5), bare(99)),
    field: "type",
    says: "is set more than once",
  },
  {
    name: "a type that is REVIVE in its lower 32 bits",
    bytes: () => concat(Buffer.from([0x10, 0x85, 0x80, 0x80, 0x80, 0x10])),
    field: "type",
    says: "it has more than 32 bits",
  },
  {
    name: "a type that is REVIVE in its lower 64 bits",
    bytes: () => concat(Buffer.from([0x10, 0x85, ...Array<number>(8).fill(0x80), 0x02])),
    field: "type",
    says: "it has more than 32 bits",
  },
  {
    name: "a message in two parts",
    bytes: () => concat(bare(5), messageField(15, []), messageField(15, [])),
    field: "revive",
    says: "is set more than once",
  },
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
        messageField(3, [
          messageField(1, [stringField(1, "*"), lengthDelimited(2, incompleteConstraint())]),
          messageField(1, [stringField(1, "*"), lengthDelimited(2, completeConstraint())]),
        ]),
      ),
    field: 'update_framework.offer_constraints.role_constraints["*"].groups[0].attribute_constraints[0].selector',
    says: "is required",
  },
];

const predicate = () => lengthDelimited(2, messageField(1, []));
const incompleteConstraint = () => lengthDelimited(1, lengthDelimited(1, predicate()));
const completeConstraint = () =>
  lengthDelimited(1, messageField(1, [lengthDelimited(1, stringField(2, "rack")), predicate()]));
