import { randomUUID } from "node:crypto";
import { type Offer_Operation, Offer_Operation_Type as Type } from "../../gen/mesos/v1/mesos.js";
import { ACCEPTED, type Answer, textAnswer } from "../http/answer.js";
import { conversionsOf, convert } from "../resources/operations.js";
import { Resources } from "../resources/resources.js";
import type { Agent } from "./entities.js";
import { upgradeOperation } from "./normalize.js";
import { convertTotal } from "./operations.js";
import type { MasterState } from "./state.js";
import { fatalOperation, fatalVolumes } from "./validation/fatal.js";
import { invalidOperation } from "./validation/operation.js";
import { invalidOperationResources } from "./validation/resources.js";

/** Names of the operations in messages. */
const NAMES: ReadonlyMap<Type | undefined, string> = new Map([
  [Type.RESERVE, "RESERVE"],
  [Type.UNRESERVE, "UNRESERVE"],
  [Type.CREATE, "CREATE"],
  [Type.DESTROY, "DESTROY"],
  [Type.GROW_VOLUME, "GROW_VOLUME"],
  [Type.SHRINK_VOLUME, "SHRINK_VOLUME"],
]);

/**
 * Carries out an operator's reservation or volume operation on an agent: 202, 400 for one that can't be, 409 where there is too
 * little of what it needs. Offers that hold some of it are rescinded, until there is enough.
 */
export function operate(state: MasterState, agentId: string, sent: Offer_Operation): Answer {
  const agent = state.agents.get(agentId);
  if (!agent) return textAnswer(400, "No agent found with specified ID");
  const unreadable = invalidOperationResources(sent);
  if (unreadable !== undefined) return textAnswer(400, unreadable);
  const operation = upgradeOperation(sent);
  const shared = fatalVolumes(operation.create?.volumes ?? []);
  const invalid = shared === undefined ? invalidOperation(operation, undefined, agent) : undefined;
  if (invalid !== undefined) return textAnswer(400, `Invalid ${nameOf(operation, agent)}: ${invalid}`);
  const fatal = shared ?? fatalOperation(operation);
  if (fatal !== undefined) return refuseFatal(state, fatal);
  // What an agent that is away does not hear would be lost.
  if (!agent.connected) return textAnswer(409, `Agent ${agent.id} is disconnected: try again when it is back`);
  rescindFor(state, agent, operation);
  const converted = convert(state.allocator.holdings.available(agent.id), operation);
  if ("lacking" in converted) return textAnswer(409, converted.lacking);
  convertTotal(state, agent, operation);
  agent.link.toAgent((inbox) => inbox.applyOperation("", randomUUID(), operation));
  return ACCEPTED;
}

/** Mesos names the agent only where it is looked at. */
function nameOf({ type }: Offer_Operation, agent: Agent): string {
  const name = `${NAMES.get(type)} operation`;
  if (type === Type.UNRESERVE || type === Type.DESTROY) return name;
  return `${name} on agent ${agent.id} at ${agent.pid} (${agent.hostname})`;
}

function refuseFatal(state: MasterState, fatal: string): Answer {
  state.log(`an operator: ${fatal}`);
  return textAnswer(400, fatal);
}

/** Whoever had them is not offered the same again for five seconds. */
function rescindFor(state: MasterState, agent: Agent, operation: Offer_Operation): void {
  let required = conversionsOf(operation).reduce((sum, { consumed }) => sum.plus(consumed), Resources.none);
  let recovered = Resources.none;
  for (const offer of [...agent.offers]) {
    const offered = offer.resources.allocatedTo(undefined);
    const rest = required.minus(offered);
    if (rest.equals(required)) continue;
    required = rest;
    recovered = recovered.plus(offered);
    state.offers.discard(offer, { rescind: true, filter: {} });
    if ("left" in convert(recovered, operation)) return;
  }
}
