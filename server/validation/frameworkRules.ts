/** What Mesos refuses in a framework: with an ERROR event at SUBSCRIBE, with 400 at UPDATE_FRAMEWORK. */
import { keyOf } from "../../wire/keys.js";
import { utf8 } from "../../wire/proto.js";
import { isMultiRole, rolesOf } from "../mesos/messages/frameworkInfo.js";
import { frameworkIdProblem, roleProblem, userProblem } from "./names.js";
import { failoverTimeoutProblem, noneProblem } from "./quantities.js";
import { repeatedElement } from "./repeated.js";
import type { MessageRule, MessageView, RuleSet } from "./rule.js";
import { quoted } from "./text.js";

const FRAMEWORK = "mesos.v1.FrameworkInfo";
const CALL = "mesos.v1.scheduler.Call";
const QUANTITIES = "mesos.v1.OfferFilters.ResourceQuantities";

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
        const own = new Set(rolesOf(info).map(keyOf));
        const foreign = message.find(
          suppressed,
          (buffer, from, to) => !own.has(keyOf(utf8(buffer.subarray(from, to)))),
        );
        if (foreign === undefined) return;
        message.report(suppressed, `must be roles of the framework; ${quoted(foreign)} is not`);
      };
    },
  };
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
    { field: `${FRAMEWORK}.user`, bytes: userProblem },
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
