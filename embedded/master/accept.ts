import {
  type Offer_Operation,
  TaskStatus_Reason as Reason,
  type TaskInfo,
  TaskState,
  Offer_Operation_Type as Type,
} from "../../gen/mesos/v1/mesos.js";
import type { Call_Accept } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { Resources } from "../resources/resources.js";
import type { Agent, Framework, Offer } from "./entities.js";
import { launch, launchGroup } from "./launch.js";
import { normalizeOperation } from "./normalize.js";
import { applyOperation, operationRefused } from "./operations.js";
import type { Remainder } from "./remainder.js";
import type { MasterState } from "./state.js";
import { lostState, sendMasterStatus, sendTaskError } from "./tasks.js";
import { invalidOperationResources } from "./validation/resources.js";

/** ACCEPT: checks the offers, carries out the operations in order, and takes the rest for declined. */
export function acceptOffers(state: MasterState, framework: Framework, call: Call_Accept): void {
  const ids = call.offerIds.map(({ value }) => value ?? "");
  const invalid = invalidOffers(state, framework, ids);
  const offers = [...new Set(ids)].map((id) => state.offers.get(id)).filter((offer) => offer !== undefined);
  const first = offers[0];
  if (invalid !== undefined || !first) {
    return refuseOffers(state, framework, call, offers, invalid ?? "No offers specified");
  }
  const { agent, role } = first;
  for (const offer of offers) state.offers.remove(offer);
  const offered = offers.reduce((sum, offer) => sum.plus(offer.resources), Resources.none);
  if (!agent.connected) {
    state.allocator.recover(framework.id, agent.id, offered);
    return dropTasks(state, framework, call.operations, agent);
  }
  const remainder: Remainder = { available: offered, converted: Resources.none };
  const sound = call.operations.filter((operation) => checkOperation(state, framework, agent, operation));
  for (const operation of sound) {
    carryOut(state, framework, agent, normalizeOperation(operation, role, framework.id), remainder);
  }
  giveBack(state, framework, agent, remainder, call.filters?.refuseSeconds);
}

function invalidOffers(state: MasterState, framework: Framework, ids: readonly string[]): string | undefined {
  if (ids.length === 0) return "No offers specified";
  const duplicate = ids.find((id, index) => ids.indexOf(id) !== index);
  if (duplicate !== undefined) return `Duplicate offer ${duplicate} in offer list`;
  let first: Offer | undefined;
  for (const id of ids) {
    if (!state.offers.get(id)) return `Offer ${id} is no longer valid`;
  }
  for (const id of ids) {
    const owner = state.offers.get(id)?.framework.id;
    if (owner !== framework.id)
      return `Offer ${id} has invalid framework ${owner} while framework ${framework.id} is expected`;
  }
  for (const offer of ids.map((id) => state.offers.get(id))) {
    first ??= offer;
    if (offer?.role !== first?.role) {
      return `Aggregated offers must be allocated to the same role. Offer ${offer?.id} uses role ${offer?.role} but another is using role ${first?.role}`;
    }
  }
  for (const offer of ids.map((id) => state.offers.get(id))) {
    if (offer?.agent !== first?.agent) {
      return `Aggregated offers must belong to one single agent. Offer ${offer?.id} uses agent ${offer?.agent.id} and agent ${first?.agent.id}`;
    }
  }
  return undefined;
}

function refuseOffers(
  state: MasterState,
  framework: Framework,
  call: Call_Accept,
  offers: readonly Offer[],
  why: string,
): void {
  for (const offer of offers) state.offers.discard(offer);
  for (const operation of call.operations) {
    for (const task of launchedTasks(operation)) {
      sendMasterStatus(state, framework, {
        taskId: task.taskId?.value ?? "",
        state: lostState(framework, TaskState.TASK_DROPPED),
        agentId: task.agentId?.value,
        reason: Reason.REASON_INVALID_OFFERS,
        message: `Task launched with invalid offers: ${why}`,
      });
    }
    if (!isLaunch(operation)) operationRefused(framework, operation, `Operation attempted with invalid offers: ${why}`);
  }
}

/** The agent went away between the offer and its acceptance. */
function dropTasks(
  state: MasterState,
  framework: Framework,
  operations: readonly Offer_Operation[],
  agent: Agent,
): void {
  for (const task of operations.flatMap(launchedTasks)) {
    sendMasterStatus(state, framework, {
      taskId: task.taskId?.value ?? "",
      state: lostState(framework, TaskState.TASK_DROPPED),
      agentId: agent.id,
      reason: Reason.REASON_AGENT_DISCONNECTED,
      message: "Agent disconnected",
    });
  }
  for (const operation of operations) {
    if (!isLaunch(operation)) operationRefused(framework, operation, "Operation attempted on a disconnected agent");
  }
}

/** The checks that come before any operation is carried out. False: it was answered and is left out. */
function checkOperation(state: MasterState, framework: Framework, agent: Agent, operation: Offer_Operation): boolean {
  let error: string | undefined;
  if (isLaunch(operation)) {
    if (operation.id) {
      const name = operation.type === Type.LAUNCH ? "LAUNCH" : "LAUNCH_GROUP";
      error = `The \`id\` field cannot be set on ${name} operations`;
    }
  }
  const invalid = missingPart(operation) ?? invalidOperationResources(operation) ?? unsupportedSource(operation);
  if (error === undefined && invalid !== undefined) {
    error = isLaunch(operation) ? invalid : `Operation attempted with invalid resources: ${invalid}`;
  }
  if (error === undefined) return true;
  for (const task of launchedTasks(operation)) {
    sendTaskError(state, framework, agent, task, error, operation.type === Type.LAUNCH_GROUP);
  }
  if (!isLaunch(operation)) operationRefused(framework, operation, error);
  return false;
}

/** An operation without the message that its type stands for. */
function missingPart(operation: Offer_Operation): string | undefined {
  const part = PARTS.get(operation.type ?? Type.UNKNOWN);
  return part && operation[part[0]] === undefined ? part[1] : undefined;
}

const PARTS: ReadonlyMap<Type, readonly [keyof Offer_Operation, string]> = new Map([
  [Type.RESERVE, ["reserve", "A RESERVE offer operation must have the Offer.Operation.reserve field set."]],
  [Type.UNRESERVE, ["unreserve", "An UNRESERVE offer operation must have the Offer.Operation.unreserve field set."]],
  [Type.CREATE, ["create", "A CREATE offer operation must have the Offer.Operation.create field set."]],
  [Type.DESTROY, ["destroy", "A DESTROY offer operation must have the Offer.Operation.destroy field set."]],
  [Type.GROW_VOLUME, ["growVolume", "A GROW_VOLUME operation must have the Offer.Operation.grow_volume field set"]],
  [
    Type.SHRINK_VOLUME,
    ["shrinkVolume", "A SHRINK_VOLUME offer operation must have the Offer.Operation.shrink_volume field set"],
  ],
  [
    Type.CREATE_DISK,
    ["createDisk", "A CREATE_DISK offer operation must have the Offer.Operation.create_disk field set."],
  ],
  [
    Type.DESTROY_DISK,
    ["destroyDisk", "A DESTROY_DISK offer operation must have the Offer.Operation.destroy_disk field set."],
  ],
] satisfies Array<[Type, readonly [keyof Offer_Operation, string]]>);

function unsupportedSource(operation: Offer_Operation): string | undefined {
  if ((operation.reserve?.source ?? []).length === 0) return undefined;
  return "Reservation updates are not yet implemented for the scheduler API.";
}

function carryOut(
  state: MasterState,
  framework: Framework,
  agent: Agent,
  operation: Offer_Operation,
  remainder: Remainder,
): void {
  switch (operation.type) {
    case Type.LAUNCH:
      return launch(state, framework, agent, operation.launch?.taskInfos ?? [], remainder);
    case Type.LAUNCH_GROUP:
      return launchGroup(state, framework, agent, operation.launchGroup, remainder);
    default:
      return applyOperation(state, framework, agent, operation, remainder);
  }
}

/** The rest counts as declined; what operations converted is offered again without a filter. */
function giveBack(
  state: MasterState,
  framework: Framework,
  agent: Agent,
  remainder: Remainder,
  refuseSeconds: number | undefined,
): void {
  const converted = remainder.converted.minus(remainder.converted.minus(remainder.available));
  const declined = remainder.available.minus(converted);
  state.allocator.recover(framework.id, agent.id, converted);
  state.allocator.recover(framework.id, agent.id, declined, { refuseSeconds });
}

function isLaunch(operation: Offer_Operation): boolean {
  return operation.type === Type.LAUNCH || operation.type === Type.LAUNCH_GROUP;
}

function launchedTasks(operation: Offer_Operation): TaskInfo[] {
  if (operation.type === Type.LAUNCH) return operation.launch?.taskInfos ?? [];
  return operation.type === Type.LAUNCH_GROUP ? (operation.launchGroup?.taskGroup?.tasks ?? []) : [];
}
