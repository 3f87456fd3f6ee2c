import type { DrainConfig } from "../../gen/mesos/v1/mesos.js";
import { deactivate, markGone } from "./agentRemoval.js";
import type { Agent } from "./entities.js";
import type { MasterState } from "./state.js";

/** DRAIN_AGENT, DEACTIVATE_AGENT and REACTIVATE_AGENT, and what they mean for agents that come and go. */

/** From now on the agent gets no offers, and its tasks are killed: at once, or when it is back. */
export function drainAgent(state: MasterState, agentId: string, config: DrainConfig): void {
  state.withdrawals.apply(agentId, { type: "drain", config });
  const agent = state.agents.get(agentId);
  if (!agent) return;
  deactivate(state, agent);
  agent.drainStartTime = state.clock.now();
  agent.link.toAgent((inbox) => inbox.drain(config));
  endDrainIfEmpty(state, agent);
}

export function deactivateAgent(state: MasterState, agentId: string): void {
  state.withdrawals.apply(agentId, { type: "deactivate" });
  const agent = state.agents.get(agentId);
  if (agent) deactivate(state, agent);
}

/** @returns false for an agent that is not registered: it is as any other when it registers. */
export function reactivateAgent(state: MasterState, agentId: string): boolean {
  state.withdrawals.apply(agentId, { type: "reactivate" });
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
  const config = state.withdrawals.drainInfoOf(agent.id)?.config;
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
  else state.withdrawals.apply(agent.id, { type: "emptied" });
}
