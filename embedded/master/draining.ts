import type { DrainConfig, DrainInfo } from "../../gen/mesos/v1/mesos.js";
import { deactivate, markGone } from "./agentRemoval.js";
import type { Agent } from "./entities.js";
import type { MasterState } from "./state.js";
import { afterEvent, drainInfoOf, refuseReactivation, type Withdrawal, type WithdrawalEvent } from "./withdrawal.js";

/** DRAIN_AGENT, DEACTIVATE_AGENT and REACTIVATE_AGENT, and what they mean for agents that come and go. */
export class Draining {
  readonly #state: MasterState;
  /** More than the registry has: an agent that was marked gone keeps its entry until the master ends, as in Mesos. */
  readonly #withdrawals: Map<string, Withdrawal>;

  constructor(state: MasterState) {
    this.#state = state;
    this.#withdrawals = new Map(state.registry.withdrawals);
  }

  isDeactivated(agentId: string): boolean {
    return this.#withdrawals.has(agentId);
  }

  infoOf(agentId: string): DrainInfo | undefined {
    return drainInfoOf(this.#withdrawals.get(agentId));
  }

  /** Why the agent can't be put back in service. */
  refuseReactivation(agentId: string): string | undefined {
    return refuseReactivation(this.#withdrawals.get(agentId));
  }

  /** From now on the agent gets no offers, and its tasks are killed: at once, or when it is back. */
  drain(agentId: string, config: DrainConfig): void {
    this.#apply(agentId, { type: "drain", config });
    const agent = this.#state.agents.get(agentId);
    if (!agent) return;
    deactivate(this.#state, agent);
    agent.drainStartTime = this.#state.clock.now();
    agent.link.toAgent((inbox) => inbox.drain(config));
    this.check(agent);
  }

  deactivate(agentId: string): void {
    this.#apply(agentId, { type: "deactivate" });
    const agent = this.#state.agents.get(agentId);
    if (agent) deactivate(this.#state, agent);
  }

  /** @returns false for an agent that is not registered: it is as any other when it registers. */
  reactivate(agentId: string): boolean {
    this.#apply(agentId, { type: "reactivate" });
    const agent = this.#state.agents.get(agentId);
    if (!agent) return false;
    agent.drainStartTime = undefined;
    if (agent.connected) {
      agent.active = true;
      this.#state.allocator.setAgentActive(agentId, true);
    }
    return true;
  }

  /** The agent registered again. It may have missed that it is to drain. */
  returned(agent: Agent): void {
    if (!this.isDeactivated(agent.id)) return;
    deactivate(this.#state, agent);
    const config = this.infoOf(agent.id)?.config;
    if (config) agent.link.toAgent((inbox) => inbox.drain(config));
    this.check(agent);
  }

  /**
   * To be called after each acknowledgement. An agent that drains is done when it has no task and no operation left that
   * waits for one. As in Mesos, nobody looks when a framework is removed.
   */
  check(agent: Agent): void {
    const info = this.#withdrawals.get(agent.id);
    if (info?.phase !== "draining" || agent.tasks.size > 0 || agent.operations.size > 0) return;
    if (info.config.markGone) markGone(this.#state, agent.id);
    else this.#apply(agent.id, { type: "emptied" });
  }

  /** The agent is no more. */
  forget(agentId: string): void {
    this.#withdrawals.delete(agentId);
  }

  #apply(agentId: string, event: WithdrawalEvent): void {
    const withdrawal = afterEvent(this.#withdrawals.get(agentId), event);
    if (withdrawal) this.#withdrawals.set(agentId, withdrawal);
    else this.#withdrawals.delete(agentId);
    this.#state.registry.withdraw(agentId, withdrawal);
    this.#state.log(`agent ${agentId} is ${withdrawal?.phase ?? "reactivated"}`);
  }
}
