import { OperationState, TaskStatus_Reason as Reason, TaskState } from "../../../gen/mesos/v1/mesos.js";
import type { Agent, Framework } from "./entities.js";
import { events } from "./events.js";
import { isPartitionAware } from "./frameworkInfo.js";
import { operationsLost } from "./operations.js";
import type { MasterState } from "./state.js";
import { loseTask, lostState } from "./tasks.js";

/** What frameworks are told of an agent that is removed. */
export interface AgentLoss {
  readonly state: (framework: Framework) => TaskState;
  readonly reason: Reason | ((framework: Framework) => Reason);
  readonly message: string;
  readonly unreachableTimeMs?: number;
  /** Of operations that they have not acknowledged. Without it they are told nothing. */
  readonly operations?: OperationState;
}

/** From now on nobody is offered anything of the agent. What was offered is rescinded. */
export function deactivate(state: MasterState, agent: Agent): void {
  agent.active = false;
  state.allocator.setAgentActive(agent.id, false);
  for (const offer of [...agent.offers]) state.discardOffer(offer, { rescind: true });
  state.inverseOffers.discardOf(agent, true);
}

/** An operator gave the agent up for good, or it is empty and was to be given up then. @returns false for an unknown one. */
export function markGone(state: MasterState, agentId: string): boolean {
  const agent = state.agents.get(agentId);
  const { registry, clock } = state;
  const known = agent !== undefined || registry.unreachable.has(agentId) || state.recoveredAgents.has(agentId);
  if (!known) return registry.gone.has(agentId);
  if (registry.gone.has(agentId)) return true;
  if (registry.unreachable.has(agentId)) state.draining.forget(agentId);
  registry.markGone(agentId, clock.now());
  // One that an earlier master knew stays recovered, as in Mesos: there is no answer about its tasks.
  if (!agent) return true;
  agent.link.toAgent((inbox) => inbox.shutdown("Agent has been marked gone"));
  removeAgent(state, agent, {
    state: (framework) => lostState(framework, TaskState.TASK_GONE_BY_OPERATOR),
    reason: (framework) =>
      isPartitionAware(framework.info) ? Reason.REASON_AGENT_REMOVED_BY_OPERATOR : Reason.REASON_AGENT_REMOVED,
    message: "Agent has been marked gone",
    operations: OperationState.OPERATION_GONE_BY_OPERATOR,
  });
  return true;
}

/** Forgets an agent, with all that is on it. */
export function removeAgent(state: MasterState, agent: Agent, loss: AgentLoss): void {
  state.log(`agent ${agent.id} removed: ${loss.message}`);
  agent.stopPings();
  agent.cancelReregister();
  agent.connected = false;
  deactivate(state, agent);
  if (loss.operations !== undefined) operationsLost(state, agent, loss.operations, loss.message);
  for (const [frameworkId, tasks] of [...agent.tasks]) {
    const framework = state.frameworks.get(frameworkId);
    for (const task of [...tasks.values()]) {
      if (!framework) continue;
      const reason = typeof loss.reason === "function" ? loss.reason(framework) : loss.reason;
      loseTask(state, framework, task, { ...loss, state: loss.state(framework), reason });
    }
  }
  const rest = agent.used();
  state.agents.delete(agent.id);
  state.inverseOffers.restart(agent);
  state.allocator.removeAgent(agent.id, rest);
  for (const framework of state.frameworks.values()) {
    for (const [id, operation] of framework.operations)
      if (operation.agentId === agent.id) framework.operations.delete(id);
    framework.send(events.agentLost(agent.id));
  }
}
