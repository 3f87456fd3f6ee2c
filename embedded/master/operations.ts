import { randomUUID } from "node:crypto";
import {
  type Offer_Operation,
  Operation,
  OperationState,
  OperationStatus,
  Offer_Operation_Type as Type,
} from "../../gen/mesos/v1/mesos.js";
import { uuidBytes } from "../../wire/uuid.js";
import type { OperationUpdate } from "../link.js";
import { isPersistentVolume } from "../resources/identity.js";
import { conversionsOf, convert } from "../resources/operations.js";
import type { Agent, Framework, OperationEntry } from "./entities.js";
import { events } from "./events.js";
import type { Remainder } from "./remainder.js";
import type { MasterState } from "./state.js";
import { fatalOperation, fatalVolumes, isFatal } from "./validation/fatal.js";
import { invalidOperation } from "./validation/operation.js";

/** RESERVE and the like: takes effect at once in the master, then on the agent. */
export function applyOperation(
  state: MasterState,
  framework: Framework,
  agent: Agent,
  operation: Offer_Operation,
  remainder: Remainder,
): void {
  if (operation.type === undefined || operation.type === Type.UNKNOWN) return;
  const fatal = fatalVolumes(operation.create?.volumes ?? []);
  const invalid = fatal ?? invalidOperation(operation, framework, agent) ?? fatalOperation(operation);
  if (invalid !== undefined) {
    if (isFatal(invalid)) state.log(`framework ${framework.id}: ${invalid}`);
    const where = `agent ${agent.id} at ${agent.pid} (${agent.hostname})`;
    return operationRefused(framework, operation, `${invalid}; on ${where}`);
  }
  const converted = convert(remainder.available, operation);
  if ("lacking" in converted) {
    const name = RESIZING.get(operation.type);
    const prefix = name === undefined ? "" : `Invalid ${name} operation: `;
    return operationRefused(framework, operation, prefix + converted.lacking);
  }
  remainder.available = converted.left;
  for (const { consumed, produced } of conversionsOf(operation)) {
    remainder.converted = remainder.converted.minus(consumed).plus(produced);
    state.allocator.holdings.convertAllocated(framework.id, agent.id, consumed, produced);
  }
  convertTotal(state, agent, operation);
  if (operation.type === Type.DESTROY) rescindVolume(state, agent, operation);
  const uuid = track(framework, agent, operation);
  agent.link.toAgent((inbox) => inbox.applyOperation(framework.id, uuid, operation));
}

const RESIZING: ReadonlyMap<Type, string> = new Map([
  [Type.GROW_VOLUME, "GROW_VOLUME"],
  [Type.SHRINK_VOLUME, "SHRINK_VOLUME"],
]);

/** What the agent has takes another form, whoever has it. */
export function convertTotal(state: MasterState, agent: Agent, operation: Offer_Operation): void {
  for (const { consumed, produced } of conversionsOf(operation)) {
    const [freed, made] = [consumed.allocatedTo(undefined), produced.allocatedTo(undefined)];
    agent.total = agent.total.minus(freed).plus(made);
    state.allocator.holdings.convertTotal(agent.id, freed, made);
  }
}

/** Tells the framework that an operation with an id failed; without one it is told nothing. */
export function operationRefused(framework: Framework, operation: Offer_Operation, message: string): void {
  if (!operation.id) return;
  const status = OperationStatus.create({
    operationId: operation.id,
    state: OperationState.OPERATION_ERROR,
    message,
  });
  framework.send(events.operationUpdate(framework, status));
}

function track(framework: Framework, agent: Agent, info: Offer_Operation): string {
  const uuid = randomUUID();
  const id = info.id?.value;
  if (id === undefined) return uuid;
  const latestStatus = OperationStatus.create({
    operationId: info.id,
    state: OperationState.OPERATION_PENDING,
    agentId: { value: agent.id },
  });
  const operation = Operation.create({
    frameworkId: { value: framework.id },
    agentId: { value: agent.id },
    latestStatus,
    uuid: { value: uuidBytes(uuid) },
  });
  operation.info = info;
  addOperation(framework, agent, { info: operation, uuid, id, frameworkId: framework.id, agentId: agent.id });
  return uuid;
}

export function addOperation(framework: Framework | undefined, agent: Agent, entry: OperationEntry): void {
  agent.operations.set(entry.uuid, entry);
  if (entry.id !== undefined) framework?.operations.set(entry.id, entry);
}

/** Other offers of a volume that is gone are void. */
function rescindVolume(state: MasterState, agent: Agent, operation: Offer_Operation): void {
  const ids = new Set(operation.destroy?.volumes.map((volume) => volume.disk?.persistence?.id));
  for (const offer of [...agent.offers]) {
    const held = offer.resources.filter((one) => isPersistentVolume(one) && ids.has(one.disk?.persistence?.id));
    if (!held.isEmpty) state.offers.discard(offer, { rescind: true });
  }
}

/** An agent reports the result of an operation. */
export function operationUpdated(state: MasterState, agent: Agent, update: OperationUpdate): void {
  const entry = agent.operations.get(update.operationUuid);
  if (entry) {
    entry.info.latestStatus = update.latestStatus;
    if (!entry.info.statuses.some((status) => status.state === update.status.state))
      entry.info.statuses.push(update.status);
  }
  const framework = state.frameworks.get(update.frameworkId);
  framework?.send(events.operationUpdate(framework, update.status));
}

/** The agent is gone with operations that were not acknowledged: their frameworks are told, once. */
export function operationsLost(state: MasterState, agent: Agent, lost: OperationState, message: string): void {
  for (const { info, frameworkId } of agent.operations.values()) {
    const operationId = info.info?.id;
    const framework = state.frameworks.get(frameworkId);
    if (!operationId || !framework) continue;
    const status = OperationStatus.create({ operationId, state: lost, message, agentId: { value: agent.id } });
    framework.send(events.operationUpdate(framework, status));
  }
}
