import type { AgentInfo, Attribute } from "../../../gen/mesos/v1/mesos.js";
import {
  type AttributeConstraint,
  type AttributeConstraint_Predicate,
  type OfferConstraints,
  type OfferConstraints_RoleConstraints,
  AttributeConstraint_Selector_PseudoattributeType as Pseudoattribute,
} from "../../../gen/mesos/v1/scheduler/scheduler.js";

/** What is wrong with the constraints, or undefined. */
export function invalidConstraints(constraints: OfferConstraints): string | undefined {
  for (const [role, { groups }] of Object.entries(constraints.roleConstraints)) {
    if (groups.length === 0) {
      return `\`RoleConstraints\` for role '${role}' are invalid: \`RoleConstraints\` must contain at least one \`Group\``;
    }
    if (groups.some((group) => group.attributeConstraints.length === 0)) {
      return `\`RoleConstraints\` for role '${role}' are invalid: \`Group\` must contain at least one \`AttributeConstraint\``;
    }
    for (const constraint of groups.flatMap((group) => group.attributeConstraints)) {
      if (!constraint.selector?.selector || !constraint.predicate?.predicate) {
        return `\`RoleConstraints\` for role '${role}' are invalid: Exactly one of 'AttributeConstraint::Selector::selector' must be set`;
      }
    }
  }
  return undefined;
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
  if (selector.$case === "pseudoattributeType") return holds(predicate, pseudoattribute(selector.value, agent));
  const attributes = agent.attributes.filter(({ name }) => name === selector.value);
  if (attributes.length === 0) return holds(predicate, undefined);
  return attributes.some((attribute) => holds(predicate, attributeText(attribute)));
}

function pseudoattribute(type: Pseudoattribute, agent: AgentInfo): string | undefined {
  switch (type) {
    case Pseudoattribute.HOSTNAME:
      return agent.hostname;
    case Pseudoattribute.REGION:
      return agent.domain?.faultDomain?.region?.name;
    case Pseudoattribute.ZONE:
      return agent.domain?.faultDomain?.zone?.name;
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
      return value !== undefined && new RegExp(`^(?:${chosen.value.regex})$`).test(value);
    case "textNotMatches":
      return value === undefined || !new RegExp(`^(?:${chosen.value.regex})$`).test(value);
    default:
      return false;
  }
}
