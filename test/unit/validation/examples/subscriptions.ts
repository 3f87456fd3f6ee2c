import type { FrameworkInfo_Capability_Type } from "../../../../gen/mesos/v1/mesos.js";
import { lengthDelimited, messageField, stringField, varintField } from "../../../../wire/proto.js";
import {
  concat,
  multiRole,
  nestedGroups,
  offerFilters,
  QUANTITY,
  subscribe,
  subscribeRaw,
  suppressed,
} from "./builders.js";
import type { Answer, RefusedSubscribe, StricterSubscribe, SubscribeBytes } from "./example.js";
import { stricterNames } from "./texts.js";

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
    bytes: () => subscribe({ capabilities: [{ type: 77 as FrameworkInfo_Capability_Type }] }),
  },
  { name: "a capability without a type", bytes: () => subscribe({ capabilities: [{}] }) },
  { name: "the default role suppressed", bytes: () => subscribe({}, suppressed("*"), suppressed("*")) },
  { name: "an offer filter", bytes: () => subscribe(offerFilters({ cpus: 1, mem: 0, disk: 9.2e15 })) },
  {
    name: "an offer filter for nothing",
    bytes: () => subscribe({ offerFilters: { a: { minAllocatableResources: {} } } }),
  },
  {
    name: "unknown fields",
    bytes: () => subscribeRaw([varintField(998, 1)], stringField(999, "a")),
  },
  {
    name: "groups 100 levels deep",
    // The framework is the second level of the call, and holds 98 groups.
    bytes: () => subscribeRaw([nestedGroups(98)]),
  },
];

/** Where the validator is stricter than Mesos, which makes one value of several, and takes the last. */
export const stricterSubscriptions: readonly StricterSubscribe[] = [
  ...stricterNames,
  {
    name: "a framework in two parts",
    bytes: () => concat(lengthDelimited(1, stringField(1, "root")), lengthDelimited(1, stringField(2, "name"))),
    field: "framework_info",
    says: "is set more than once",
  },
  {
    name: "two roles where there can be one",
    bytes: () => subscribe({ role: "a" }, lengthDelimited(1, stringField(6, "b"))),
    field: "framework_info",
    says: "is set more than once",
  },
  {
    name: "two members of a oneof",
    bytes: () => {
      const selector = lengthDelimited(1, stringField(2, "rack"));
      const predicate = messageField(2, [messageField(3, [stringField(1, "a")]), messageField(1, [])]);
      const constraint = messageField(1, [selector, predicate]);
      const roleConstraints = lengthDelimited(2, lengthDelimited(1, constraint));
      return subscribe({}, lengthDelimited(3, messageField(1, [stringField(1, "*"), roleConstraints])));
    },
    field: 'offer_constraints.role_constraints["*"].groups[0].attribute_constraints[0].predicate.exists',
    says: "must not be set beside text_equals",
  },
];
