import type { DrainConfig } from "../../gen/mesos/v1/mesos.js";
import { deactivate, markGone } from "./agentRemoval.js";
import type { Agent } from "./entities.js";
import type { MasterState } from "./state.js";
import { afterEvent, drainInfoOf, type WithdrawalEvent } from "./withdrawal.js";

/** DRAIN_AGENT, DEACTIVATE_AGENT and REACTIVATE_AGENT, and what they mean for agents that come and go. */

/** From now on the agent gets no offers, and its tasks are killed: at once, or when it is back. */
export function drainAgent(state: MasterState, agentId: string, config: DrainConfig): void {
  apply(state, agentId, { type: "drain", config });
  const agent = state.agents.get(agentId);
  if (!agent) return;
  deactivate(state, agent);
  agent.drainStartTime = state.clock.now();
  agent.link.toAgent((inbox) => inbox.drain(config));
  endDrainIfEmpty(state, agent);
}

export function deactivateAgent(state: MasterState, agentId: string): void {
  apply(state, agentId, { type: "deactivate" });
  const agent = state.agents.get(agentId);
  if (agent) deactivate(state, agent);
}

/** @returns false for an agent that is not registered: once it registers, it is an agent like any other. */
export function reactivateAgent(state: MasterState, agentId: string): boolean {
  apply(state, agentId, { type: "reactivate" });
  const agent = state.agents.get(agentId);
  if (!agent) return false;
  agent.drainStartTime = undefined;
  if (agent.connected) {
    agent.active = true;
    state.allocator.setAgentActive(agentId, true);
  }
  return true;
}

/** The agent registered again. It may have missed that it is to drain. */
export function withdrawReturned(state: MasterState, agent: Agent): void {
  if (!state.withdrawals.has(agent.id)) return;
  deactivate(state, agent);
  const config = drainInfoOf(state.withdrawals.get(agent.id))?.config;
  if (config) agent.link.toAgent((inbox) => inbox.drain(config));
  endDrainIfEmpty(state, agent);
}

/**
 * To be called after each acknowledgement. An agent that drains is done when it has no task and no operation left that
 * waits for one. As in Mesos, nobody looks when a framework is removed.
 */
export function endDrainIfEmpty(state: MasterState, agent: Agent): void {
  const withdrawal = state.withdrawals.get(agent.id);
  if (withdrawal?.phase !== "draining" || agent.tasks.size > 0 || agent.operations.size > 0) return;
  if (withdrawal.config.markGone) markGone(state, agent.id);
  else apply(state, agent.id, { type: "emptied" });
}

function apply(state: MasterState, agentId: string, event: WithdrawalEvent): void {
  const withdrawal = afterEvent(state.withdrawals.get(agentId), event);
  if (withdrawal) state.withdrawals.set(agentId, withdrawal);
  else state.withdrawals.delete(agentId);
  state.registry.withdraw(agentId, withdrawal);
  state.log(`agent ${agentId} is ${withdrawal?.phase ?? "reactivated"}`);
}
