import { OperationState, TaskStatus_Reason as Reason, TaskState } from "../../gen/mesos/v1/mesos.js";
import { masterStatus } from "../status.js";
import type { Agent, Framework } from "./entities.js";
import { events } from "./events.js";
import { isPartitionAware } from "./frameworkInfo.js";
import { operationsLost } from "./operations.js";
import type { MasterState } from "./state.js";
import { completeTask, loseTask, lostState, updateTask } from "./tasks.js";

/** What frameworks are told of an agent that is removed. */
export interface AgentLoss {
  readonly state: (framework: Framework) => TaskState;
  readonly reason: Reason | ((framework: Framework) => Reason);
  readonly message: string;
  readonly unreachableTimeMs?: number;
  /** Whether its tasks are remembered as unreachable, so that their ids can't be used again. Default: none is. */
  readonly isUnreachable?: (framework: Framework) => boolean;
  /** Of operations that they have not acknowledged. Without it they are told nothing. */
  readonly operations?: OperationState;
}

const GONE = {
  state: (framework: Framework) => lostState(framework, TaskState.TASK_GONE_BY_OPERATOR),
  reason: (framework: Framework) =>
    isPartitionAware(framework.info) ? Reason.REASON_AGENT_REMOVED_BY_OPERATOR : Reason.REASON_AGENT_REMOVED,
  message: "Agent has been marked gone",
  operations: OperationState.OPERATION_GONE_BY_OPERATOR,
  // TASK_LOST may come back, for all that such a framework can know.
  isUnreachable: (framework: Framework) => !isPartitionAware(framework.info),
};

/** From now on nobody is offered anything of the agent. What was offered is rescinded. */
export function deactivate(state: MasterState, agent: Agent): void {
  setInactive(state, agent);
  rescindOffers(state, agent);
}

function setInactive(state: MasterState, agent: Agent): void {
  agent.active = false;
  state.allocator.setAgentActive(agent.id, false);
}

function rescindOffers(state: MasterState, agent: Agent): void {
  for (const offer of [...agent.offers]) state.offers.discard(offer, { rescind: true });
  state.inverseOffers.discardOf(agent, true);
}

/** An operator gave the agent up for good, or it is empty and was to be given up then. @returns false for an unknown one. */
export function markGone(state: MasterState, agentId: string): boolean {
  const agent = state.agents.get(agentId);
  const { registry, clock } = state;
  const known = agent !== undefined || registry.unreachable.has(agentId) || state.recoveredAgents.has(agentId);
  if (!known) return registry.gone.has(agentId);
  if (registry.gone.has(agentId)) return true;
  const wasUnreachable = registry.unreachable.has(agentId);
  registry.markGone(agentId, clock.now());
  if (agent) {
    agent.link.toAgent((inbox) => inbox.shutdown(GONE.message));
    removeAgent(state, agent, GONE);
  } else if (wasUnreachable) {
    state.withdrawals.delete(agentId);
    giveUpUnreachableTasks(state, agentId);
  }
  // One that an earlier master knew stays recovered, as in Mesos: there is no answer about its tasks.
  return true;
}

/** Frameworks hear again of tasks that they were told to be unreachable: they are not to come back. */
function giveUpUnreachableTasks(state: MasterState, agentId: string): void {
  for (const framework of state.frameworks.values()) {
    const lost = [...framework.unreachableTasks.values()].filter((task) => task.agentId === agentId);
    for (const task of lost) {
      const status = masterStatus(state.clock.now(), {
        taskId: task.id,
        state: GONE.state(framework),
        agentId,
        executorId: task.info.executorId?.value,
        reason: GONE.reason(framework),
        message: GONE.message,
      });
      updateTask(state, task, status);
      framework.send(events.update(status));
      framework.unreachableTasks.delete(task.id);
      completeTask(state, framework, task);
    }
  }
}

/** Forgets an agent, with all that is on it. */
export function removeAgent(state: MasterState, agent: Agent, loss: AgentLoss): void {
  state.log(`agent ${agent.id} removed: ${loss.message}`);
  agent.stopPings();
  agent.cancelReregister();
  agent.connected = false;
  setInactive(state, agent);
  if (loss.operations !== undefined) operationsLost(state, agent, loss.operations, loss.message);
  for (const [frameworkId, tasks] of [...agent.tasks]) {
    const framework = state.frameworks.get(frameworkId);
    for (const task of [...tasks.values()]) {
      if (!framework) continue;
      const reason = typeof loss.reason === "function" ? loss.reason(framework) : loss.reason;
      const unreachable = loss.isUnreachable?.(framework) ?? false;
      loseTask(state, framework, task, { ...loss, state: loss.state(framework), reason, unreachable });
    }
  }
  rescindOffers(state, agent);
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
