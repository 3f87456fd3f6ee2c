import { inOfferOrder } from "../resources/offerOrder.js";
import { Resources } from "../resources/resources.js";
import { QuotaLedger } from "./quotaLedger.js";
import { Shares } from "./shares.js";

interface HeldAgent {
  total: Resources;
  /** Offered and used, as seen by the agent: without allocation info. */
  allocated: Resources;
  active: boolean;
}

/** What agents have, and what frameworks hold of it: what they use, and what they are offered. */
export class Holdings {
  readonly agents = new Map<string, HeldAgent>();
  readonly shares = new Shares();
  readonly quotas = new QuotaLedger();

  addAgent(id: string, total: Resources, used: ReadonlyMap<string, Resources>): void {
    this.agents.set(id, { total: inOfferOrder(total), allocated: Resources.none, active: true });
    for (const [frameworkId, resources] of used) this.take(frameworkId, id, resources);
  }

  removeAgent(id: string, used: ReadonlyMap<string, Resources>): void {
    for (const [frameworkId, resources] of used) this.#count(frameworkId, resources, -1);
    this.agents.delete(id);
  }

  /** Resources that are neither offered nor used. Shared volumes stay available to others. Without allocation info. */
  available(agentId: string): Resources {
    const { total = Resources.none, allocated = Resources.none } = this.agents.get(agentId) ?? {};
    return total.minus(allocated.filter(({ shared }) => !shared));
  }

  /** Resources of the agent took another form, for example by a reservation. Both without allocation info. */
  convertTotal(agentId: string, consumed: Resources, produced: Resources): void {
    const agent = this.agents.get(agentId);
    if (agent) agent.total = agent.total.minus(consumed).plus(produced);
  }

  /** What a framework holds took another form. Both with allocation info. */
  convertAllocated(frameworkId: string, agentId: string, consumed: Resources, produced: Resources): void {
    this.free(frameworkId, agentId, consumed);
    this.take(frameworkId, agentId, produced);
  }

  /** With allocation info. */
  take(frameworkId: string, agentId: string, resources: Resources): void {
    const agent = this.agents.get(agentId);
    if (agent) agent.allocated = agent.allocated.plus(resources.allocatedTo(undefined));
    this.#count(frameworkId, resources, 1);
  }

  /** With allocation info. */
  free(frameworkId: string, agentId: string, resources: Resources): void {
    const agent = this.agents.get(agentId);
    if (!agent) return;
    agent.allocated = agent.allocated.minus(resources.allocatedTo(undefined));
    this.#count(frameworkId, resources, -1);
  }

  /** The scalars of all agents together, in thousandths. */
  total(): Record<string, number> {
    const total: Record<string, number> = {};
    for (const agent of this.agents.values()) {
      for (const name of agent.total.scalarNames()) total[name] = (total[name] ?? 0) + agent.total.milli(name);
    }
    return total;
  }

  /** Adds to what the roles of these resources hold, or takes away from it. */
  #count(frameworkId: string, resources: Resources, sign: 1 | -1): void {
    for (const role of new Set(resources.list().map(({ allocationInfo }) => allocationInfo?.role ?? "*"))) {
      const own = resources.filter(({ allocationInfo }) => (allocationInfo?.role ?? "*") === role);
      this.shares.change(frameworkId, role, own, sign);
      this.quotas.change(role, own, sign);
    }
  }
}
