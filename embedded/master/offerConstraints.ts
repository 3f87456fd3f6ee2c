import type { RE2JS } from "re2js";
import type { AgentInfo, Attribute } from "../../gen/mesos/v1/mesos.js";
import {
  type AttributeConstraint,
  type AttributeConstraint_Predicate,
  type OfferConstraints,
  type OfferConstraints_RoleConstraints,
  AttributeConstraint_Selector_PseudoattributeType as Pseudoattribute,
} from "../../gen/mesos/v1/scheduler/scheduler.js";
import { compileRegex } from "./re2/regex.js";

const compiled = new WeakMap<object, RE2JS>();

/** Compiled once for each predicate. @throws Error in Mesos's words */
function regexOf(predicate: { readonly regex?: string | undefined }): RE2JS {
  const known = compiled.get(predicate);
  if (known) return known;
  const regex = compileRegex(predicate.regex ?? "");
  compiled.set(predicate, regex);
  return regex;
}

/** What is wrong with the constraints, or undefined. */
export function invalidConstraints(constraints: OfferConstraints): string | undefined {
  for (const [role, { groups }] of Object.entries(constraints.roleConstraints)) {
    if (groups.length === 0) {
      return `'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role ${role}`;
    }
    if (groups.some((group) => group.attributeConstraints.length === 0)) {
      // The missing space is Mesos's.
      return `'OfferConstraints::RoleConstraints::groups' for role ${role}contains an empty RoleConstraints::Group`;
    }
    for (const constraint of groups.flatMap((group) => group.attributeConstraints)) {
      const error = invalidConstraint(constraint);
      if (error !== undefined) return `A role ${role} has an invalid 'AttributeConstraint': ${error}`;
    }
  }
  return undefined;
}

function invalidConstraint({ selector, predicate }: AttributeConstraint): string | undefined {
  if (!selector?.selector) {
    return "Exactly one of 'AttributeConstraint::Selector::name' or 'AttributeConstraint::Selector::pseudoattribute_type' must be set";
  }
  const { selector: by } = selector;
  if (by.$case === "pseudoattributeType" && pseudoattributeOf(by.value) === undefined) {
    return "Unknown pseudoattribute type";
  }
  const chosen = predicate?.predicate;
  if (!chosen) return "Unknown predicate type";
  if (chosen.$case !== "textMatches" && chosen.$case !== "textNotMatches") return undefined;
  try {
    regexOf(chosen.value);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Whether the agent's offers may go to a role: one group is enough, and all constraints of it have to hold. */
export function satisfiesConstraints(
  constraints: OfferConstraints_RoleConstraints | undefined,
  agent: AgentInfo,
): boolean {
  if (!constraints) return true;
  return constraints.groups.some((group) => group.attributeConstraints.every((one) => satisfies(one, agent)));
}

function satisfies(constraint: AttributeConstraint, agent: AgentInfo): boolean {
  const selector = constraint.selector?.selector;
  const predicate = constraint.predicate;
  if (!selector || !predicate) return false;
  if (selector.$case === "pseudoattributeType") {
    return holds(predicate, pseudoattributeOf(selector.value)?.(agent));
  }
  // Mesos looks at the first attribute of a name alone.
  const attribute = agent.attributes.find(({ name }) => name === selector.value);
  return holds(predicate, attribute && attributeText(attribute));
}

function pseudoattributeOf(type: Pseudoattribute): ((agent: AgentInfo) => string | undefined) | undefined {
  switch (type) {
    case Pseudoattribute.HOSTNAME:
      return (agent) => agent.hostname;
    case Pseudoattribute.REGION:
      return (agent) => agent.domain?.faultDomain?.region?.name;
    case Pseudoattribute.ZONE:
      return (agent) => agent.domain?.faultDomain?.zone?.name;
    default:
      return undefined;
  }
}

/** Null for an attribute that isn't text: text predicates don't restrict it. */
function attributeText(attribute: Attribute): string | null {
  return attribute.text?.value ?? null;
}

function holds(predicate: AttributeConstraint_Predicate, value: string | null | undefined): boolean {
  const chosen = predicate.predicate;
  if (chosen?.$case === "exists") return value !== undefined;
  if (chosen?.$case === "notExists") return value === undefined;
  if (value === null) return true;
  switch (chosen?.$case) {
    case "textEquals":
      return value === chosen.value.value;
    case "textNotEquals":
      return value !== chosen.value.value;
    case "textMatches":
      return value !== undefined && regexOf(chosen.value).matches(value);
    case "textNotMatches":
      return value === undefined || !regexOf(chosen.value).matches(value);
    default:
      return false;
  }
}
