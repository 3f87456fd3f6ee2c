import { InverseOfferStatus_Status as Answer } from "../../gen/mesos/v1/allocator/allocator.js";
import { type Call, type Call_Accept, Call_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { invalidRole } from "../names.js";
import { acceptOffers } from "./accept.js";
import { acknowledge, acknowledgeOperation } from "./acknowledgements.js";
import type { Framework } from "./entities.js";
import { removeFramework } from "./frameworks.js";
import { reconcileOperations, reconcileTask, reconcileTasks } from "./reconcile.js";
import type { MasterState } from "./state.js";

/** A call that passed all checks of the API. It was answered 202: what is wrong from here on shows as events, or not. */
export function handleCall(state: MasterState, framework: Framework, call: Call): void {
  switch (call.type) {
    case Call_Type.TEARDOWN:
      return removeFramework(state, framework);
    case Call_Type.ACCEPT:
      return acceptOffers(state, framework, call.accept as Call_Accept);
    case Call_Type.DECLINE:
      return decline(state, framework, call);
    case Call_Type.REVIVE:
      return revive(state, framework, call.revive?.roles ?? []);
    case Call_Type.SUPPRESS:
      return suppress(state, framework, call.suppress?.roles ?? []);
    case Call_Type.KILL:
      return kill(state, framework, call);
    case Call_Type.SHUTDOWN:
      return shutdown(state, framework, call);
    case Call_Type.ACKNOWLEDGE:
      return acknowledge(state, framework, call);
    case Call_Type.ACKNOWLEDGE_OPERATION_STATUS:
      return acknowledgeOperation(state, framework, call);
    case Call_Type.RECONCILE:
      return reconcileTasks(state, framework, call.reconcile?.tasks ?? []);
    case Call_Type.RECONCILE_OPERATIONS:
      return reconcileOperations(state, framework, call.reconcileOperations?.operations ?? []);
    case Call_Type.MESSAGE:
      return message(state, framework, call);
    case Call_Type.ACCEPT_INVERSE_OFFERS:
      return answerInverse(state, Answer.ACCEPT, call.acceptInverseOffers);
    case Call_Type.DECLINE_INVERSE_OFFERS:
      return answerInverse(state, Answer.DECLINE, call.declineInverseOffers);
    default:
      // REQUEST: Mesos's own allocator takes no notice of it.
      return;
  }
}

function decline(state: MasterState, framework: Framework, call: Call): void {
  for (const { value } of call.decline?.offerIds ?? []) {
    const offer = state.offers.get(value ?? "");
    const filter = { refuseSeconds: call.decline?.filters?.refuseSeconds };
    if (offer) state.offers.discard(offer, { filter });
    else state.log(`framework ${framework.id} declined offer ${value}, which is gone`);
  }
}

function answerInverse(
  state: MasterState,
  answer: Answer.ACCEPT | Answer.DECLINE,
  call: Call["acceptInverseOffers"] | Call["declineInverseOffers"],
): void {
  const ids = (call?.inverseOfferIds ?? []).map(({ value }) => value ?? "");
  state.inverseOffers.answer(ids, answer, call?.filters?.refuseSeconds);
}

/** The roles that a SUPPRESS or REVIVE is about; undefined drops the call, as one bad role does in Mesos. */
function affectedRoles(framework: Framework, roles: readonly string[]): readonly string[] | undefined {
  if (roles.length === 0) return framework.roles;
  const own = new Set(framework.roles);
  return roles.every((role) => invalidRole(role) === undefined && own.has(role)) ? roles : undefined;
}

function revive(state: MasterState, framework: Framework, roles: readonly string[]): void {
  const affected = affectedRoles(framework, roles);
  if (!affected) return;
  for (const role of affected) framework.suppressedRoles.delete(role);
  state.inverseOffers.clearFilters(framework.id);
  state.allocator.revive(framework.id, affected);
}

function suppress(state: MasterState, framework: Framework, roles: readonly string[]): void {
  const affected = affectedRoles(framework, roles);
  if (!affected) return;
  for (const role of affected) framework.suppressedRoles.add(role);
  state.allocator.suppress(framework.id, affected);
}

function kill(state: MasterState, framework: Framework, call: Call): void {
  const taskId = call.kill?.taskId?.value ?? "";
  const agentId = call.kill?.agentId?.value;
  const task = framework.tasks.get(taskId);
  if (!task) return reconcileTask(state, framework, taskId, agentId);
  if (agentId !== undefined && agentId !== task.agentId) return;
  const agent = state.agents.get(task.agentId);
  if (!agent) return;
  const killPolicy = call.kill?.killPolicy;
  // Remembered until the agent is back: it may not know yet that the task is to end.
  if (!agent.connected)
    agent.pendingKills.set(`${framework.id}\n${taskId}`, { frameworkId: framework.id, taskId, killPolicy });
  else agent.link.toAgent((inbox) => inbox.killTask(framework.id, taskId, killPolicy));
}

function shutdown(state: MasterState, framework: Framework, call: Call): void {
  const agent = state.agents.get(call.shutdown?.agentId?.value ?? "");
  const executorId = call.shutdown?.executorId?.value ?? "";
  agent?.link.toAgent((inbox) => inbox.shutdownExecutor(framework.id, executorId));
}

function message(state: MasterState, framework: Framework, call: Call): void {
  const { agentId, executorId, data = Buffer.alloc(0) } = call.message ?? {};
  const agent = state.agents.get(agentId?.value ?? "");
  if (!agent?.connected) return;
  agent.link.toAgent((inbox) => inbox.messageToExecutor(framework.id, executorId?.value ?? "", data));
}
