/** What Mesos refuses in a framework: with an ERROR event at SUBSCRIBE, with 400 at UPDATE_FRAMEWORK. */
import { keyOfBytes } from "../../wire/keys.js";
import { LENGTH_DELIMITED, ProtoReader, VARINT } from "../../wire/proto.js";
import { frameworkIdProblem, roleProblem } from "./names.js";
import { failoverTimeoutProblem, noneProblem } from "./quantities.js";
import { repeatedElement } from "./repeated.js";
import type { MessageRule, MessageView, RuleSet } from "./rule.js";
import { quoted } from "./text.js";

const FRAMEWORK = "mesos.v1.FrameworkInfo";
const CALL = "mesos.v1.scheduler.Call";
const QUANTITIES = "mesos.v1.OfferFilters.ResourceQuantities";

/** Field numbers of FrameworkInfo and FrameworkInfo.Capability. */
const ROLE = 6;
const CAPABILITIES = 10;
const ROLES = 12;
const CAPABILITY_TYPE = 1;
const MULTI_ROLE = 6;
const DEFAULT_ROLE = "*";

/**
 * Mesos: with the MULTI_ROLE capability the roles are in `roles` and `role` is unset; without it, the other way round.
 * Each is a valid role, and none comes twice.
 */
const rolesFitCapability: MessageRule = {
  type: FRAMEWORK,
  check: (slot) => {
    const role = slot("role");
    const roles = slot("roles");
    const capabilities = slot("capabilities");
    return (framework) => {
      if (framework.find(capabilities, isMultiRole)) {
        if (framework.has(role)) framework.report(role, "must not be set with the MULTI_ROLE capability: use roles");
        reportDuplicateRoles(framework, roles);
      } else if (framework.count(roles) > 0) {
        framework.report(roles, "must not be set without the MULTI_ROLE capability: use role, or add the capability");
      }
    };
  },
};

function reportDuplicateRoles(framework: MessageView, roles: number): void {
  const twice = repeatedElement(framework, roles);
  if (twice) framework.report(roles, `must not have the same role twice: ${quoted(twice)}`);
}

function isMultiRole(buffer: Uint8Array, start = 0, end = buffer.length): boolean {
  let type: number | undefined;
  const reader = new ProtoReader(buffer, start, end);
  while (reader.next()) {
    if (reader.field === CAPABILITY_TYPE && reader.wireType === VARINT) type = reader.varint();
  }
  return type === MULTI_ROLE;
}

/** Mesos 1.11.0: `Suppressed role 'x' is not contained in the list of roles`. */
function suppressedAreOwn(type: string): MessageRule {
  return {
    type,
    check: (slot) => {
      const framework = slot("framework_info");
      const suppressed = slot("suppressed_roles");
      return (message) => {
        const info = message.count(suppressed) === 0 ? undefined : message.bytes(framework);
        if (info === undefined) return;
        const own = rolesOf(info);
        const foreign = message.find(suppressed, (buffer, from, to) => !own.has(keyOfBytes(buffer, from, to)));
        if (foreign === undefined) return;
        message.report(suppressed, `must be roles of the framework; ${quoted(foreign)} is not`);
      };
    },
  };
}

/** Keys of the framework's roles. */
function rolesOf(framework: Uint8Array): ReadonlySet<string> {
  const roles = new Set<string>();
  let role = DEFAULT_ROLE;
  let multiRole = false;
  const reader = new ProtoReader(framework);
  while (reader.next()) {
    if (reader.wireType !== LENGTH_DELIMITED) continue;
    if (reader.field === ROLE) role = keyOfBytes(reader.bytes());
    else if (reader.field === ROLES) roles.add(keyOfBytes(reader.bytes()));
    else if (reader.field === CAPABILITIES) multiRole = isMultiRole(reader.bytes()) || multiRole;
  }
  return multiRole ? roles : new Set([role]);
}

export const frameworkRules: RuleSet = {
  contexts: [
    { field: `${CALL}.UpdateFramework.framework_info`, gives: "update" },
    { field: `${FRAMEWORK}.id`, gives: "framework" },
    { field: `${QUANTITIES}.quantities`, gives: "quantity" },
  ],
  fields: [
    // Mesos: 400, it has to be the call's own framework id.
    { field: `${FRAMEWORK}.id`, within: "update", required: true },
    { field: "mesos.v1.FrameworkID.value", within: "framework", bytes: frameworkIdProblem },
    { field: `${FRAMEWORK}.role`, bytes: roleProblem },
    { field: `${FRAMEWORK}.roles`, bytes: roleProblem },
    { field: `${FRAMEWORK}.failover_timeout`, number: failoverTimeoutProblem },
    // Mesos: `Resource quantities must contain at least one quantity`.
    { field: `${QUANTITIES}.quantities`, count: noneProblem },
  ],
  messages: [
    rolesFitCapability,
    suppressedAreOwn(`${CALL}.Subscribe`),
    suppressedAreOwn(`${CALL}.UpdateFramework`),
    suppressedAreOwn("mesosbridge.v1.SubscribeRequest"),
  ],
};
