import type { DrainInfo } from "../../gen/mesos/v1/mesos.js";
import type { MasterRecords } from "./records.js";
import { afterEvent, drainInfoOf, type Withdrawal, type WithdrawalEvent } from "./withdrawal.js";

/** The agents that operators took out of service. */
export class Withdrawals {
  readonly #records: MasterRecords;
  /** More than the registry has: an agent that was marked gone keeps its entry until the master ends, as in Mesos. */
  readonly #withdrawals: Map<string, Withdrawal>;

  constructor(records: MasterRecords) {
    this.#records = records;
    this.#withdrawals = new Map(records.registry.withdrawals);
  }

  get(agentId: string): Withdrawal | undefined {
    return this.#withdrawals.get(agentId);
  }

  has(agentId: string): boolean {
    return this.#withdrawals.has(agentId);
  }

  /** As it is shown to operators; undefined for an agent that does not drain. */
  drainInfoOf(agentId: string): DrainInfo | undefined {
    return drainInfoOf(this.#withdrawals.get(agentId));
  }

  apply(agentId: string, event: WithdrawalEvent): void {
    const withdrawal = afterEvent(this.#withdrawals.get(agentId), event);
    if (withdrawal) this.#withdrawals.set(agentId, withdrawal);
    else this.#withdrawals.delete(agentId);
    this.#records.registry.withdraw(agentId, withdrawal);
    this.#records.log(`agent ${agentId} is ${withdrawal?.phase ?? "reactivated"}`);
  }

  /** The agent is no more. */
  forget(agentId: string): void {
    this.#withdrawals.delete(agentId);
  }
}
