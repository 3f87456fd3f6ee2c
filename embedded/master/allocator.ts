import type { FrameworkInfo } from "../../gen/mesos/v1/mesos.js";
import { type Clock, every } from "../clock.js";
import { inOfferOrder } from "../resources/offerOrder.js";
import { Resources } from "../resources/resources.js";
import { type AllocationRun, runAllocation } from "./allocationRun.js";
import { Filters, getOrCreate } from "./filters.js";
import { rolesOf } from "./frameworkInfo.js";
import { isWorthOffering, type Minimum, offerable, ownMinimum, parseMinimum, refuseSeconds } from "./offerable.js";
import { QuotaLedger } from "./quotaLedger.js";
import type { AllocatorQuota } from "./quotaRun.js";
import { type Seeker, Shares } from "./shares.js";

/** Free resources of agents that a framework is to be offered, by role, then by agent. */
export type Allocation = Map<string, Map<string, Resources>>;

interface AllocatorAgent {
  total: Resources;
  /** Offered and used, as seen by the agent: without allocation info. */
  allocated: Resources;
  active: boolean;
}

interface AllocatorFramework {
  info: FrameworkInfo;
  suppressedRoles: Set<string>;
  active: boolean;
}

export interface AllocatorOptions {
  clock: Clock;
  intervalMs: number;
  /** As in Mesos's flag: `cpus:0.01|mem:32`. */
  minAllocatable: string;
  onAllocation(frameworkId: string, allocation: Allocation): void;
  /** The agents whose resources were looked at just now. */
  onAllocated(agentIds: readonly string[]): void;
  /** Whether the framework may have offers of this agent in this role; attributes and the like. */
  isEligible(frameworkId: string, role: string, agentId: string): boolean;
}

/** Decides which framework is offered which free resources: every second, and at once when something changed. */
export class Allocator {
  readonly #options: AllocatorOptions;
  readonly #agents = new Map<string, AllocatorAgent>();
  readonly #frameworks = new Map<string, AllocatorFramework>();
  readonly #filters: Filters;
  readonly #shares = new Shares();
  readonly #quotas = new QuotaLedger();
  #heldOff: { readonly agents: number; readonly cancel: () => void } | undefined;
  readonly #minAllocatable: readonly Minimum[];
  readonly #candidates = new Set<string>();
  #scheduled = false;
  #closed = false;
  readonly #stop: () => void;

  constructor(options: AllocatorOptions) {
    this.#options = options;
    this.#filters = new Filters(options.clock);
    this.#minAllocatable = parseMinimum(options.minAllocatable);
    this.#stop = every(options.clock, options.intervalMs, () => this.allocate(this.#agents.keys()));
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    this.#heldOff?.cancel();
    this.#filters.clearAll();
  }

  addFramework(id: string, info: FrameworkInfo, suppressedRoles: Iterable<string>, active: boolean): void {
    this.#frameworks.set(id, { info, suppressedRoles: new Set(suppressedRoles), active });
    this.#request();
  }

  /** Replaces roles, capabilities and suppression. A role that is suppressed no longer loses its filters. */
  updateFramework(id: string, info: FrameworkInfo, suppressedRoles: Iterable<string>): void {
    const framework = this.#frameworks.get(id);
    if (!framework) return;
    const suppressed = new Set(suppressedRoles);
    for (const role of framework.suppressedRoles) if (!suppressed.has(role)) this.#filters.clear(id, role);
    framework.info = info;
    framework.suppressedRoles = suppressed;
    this.#request();
  }

  removeFramework(id: string): void {
    this.#frameworks.delete(id);
    this.#filters.clear(id);
    this.#shares.forget(id);
  }

  activateFramework(id: string): void {
    this.#setFrameworkActive(id, true);
    this.#request();
  }

  /** Its filters go too. */
  deactivateFramework(id: string): void {
    this.#setFrameworkActive(id, false);
    this.#filters.clear(id);
  }

  addAgent(id: string, total: Resources, used: ReadonlyMap<string, Resources>): void {
    this.#agents.set(id, { total: inOfferOrder(total), allocated: Resources.none, active: true });
    for (const [frameworkId, resources] of used) this.#allocated(frameworkId, id, resources);
    if (this.#heldOff && this.#agents.size >= this.#heldOff.agents) this.#resume();
    this.#request([id]);
  }

  removeAgent(id: string, used: ReadonlyMap<string, Resources>): void {
    for (const [frameworkId, resources] of used) this.#count(frameworkId, resources, -1);
    this.#agents.delete(id);
    this.#candidates.delete(id);
  }

  setAgentActive(id: string, active: boolean): void {
    const agent = this.#agents.get(id);
    if (agent) agent.active = active;
    if (active) this.#request([id]);
  }

  /** Resources that are neither offered nor used. Shared volumes stay available to others. Without allocation info. */
  available(agentId: string): Resources {
    const { total = Resources.none, allocated = Resources.none } = this.#agents.get(agentId) ?? {};
    return total.minus(allocated.filter(({ shared }) => !shared));
  }

  /** Resources of the agent took another form, as by a reservation. Both without allocation info. */
  convertTotal(agentId: string, consumed: Resources, produced: Resources): void {
    const agent = this.#agents.get(agentId);
    if (agent) agent.total = agent.total.minus(consumed).plus(produced);
  }

  /** What a framework holds took another form. Both with allocation info. */
  convertAllocated(frameworkId: string, agentId: string, consumed: Resources, produced: Resources): void {
    this.#freed(frameworkId, agentId, consumed);
    this.#allocated(frameworkId, agentId, produced);
  }

  /** Gives allocated resources back, and keeps them from the framework for a while if it refused them. */
  recover(
    frameworkId: string,
    agentId: string,
    resources: Resources,
    filter?: { refuseSeconds?: number | undefined },
  ): void {
    if (resources.isEmpty) return;
    this.#freed(frameworkId, agentId, resources);
    if (!filter || !this.#frameworks.has(frameworkId) || !this.#agents.has(agentId)) return;
    const seconds = refuseSeconds(filter.refuseSeconds);
    if (seconds === 0) return;
    const role = resources.list()[0]?.allocationInfo?.role ?? "*";
    const durationMs = Math.max(seconds * 1000, this.#options.intervalMs);
    this.#filters.add(frameworkId, role, agentId, resources.allocatedTo(undefined), durationMs);
  }

  suppress(frameworkId: string, roles: Iterable<string>): void {
    const framework = this.#frameworks.get(frameworkId);
    for (const role of roles) framework?.suppressedRoles.add(role);
  }

  revive(frameworkId: string, roles: Iterable<string>): void {
    const framework = this.#frameworks.get(frameworkId);
    for (const role of roles) {
      framework?.suppressedRoles.delete(role);
      this.#filters.clear(frameworkId, role);
    }
    this.#request();
  }

  /** Something about the agent changed that frameworks are to be told with an offer. */
  reconsider(agentId: string): void {
    this.#request([agentId]);
  }

  /** What a role is promised and limited to. It shows with the next allocation. */
  setQuota(role: string, quota: AllocatorQuota | undefined): void {
    this.#quotas.set(role, quota);
  }

  setWeight(role: string, weight: number): void {
    this.#shares.setWeight(role, weight);
  }

  /** The shares of roles, by their weights. */
  dominantShares(roles: readonly string[]): number[] {
    const total = this.#clusterTotal();
    return roles.map((role) => this.#shares.dominantShare(role, total));
  }

  /** How much of a scalar is allocated or offered to the role itself, in thousandths. */
  held(role: string, name: string): number {
    return this.#shares.held(role, name);
  }

  /** Allocates nothing until there are so many agents, or the time has passed. */
  holdOff(agents: number, timeoutMs: number): void {
    const cancel = this.#options.clock.setTimeout(() => this.#resume(), timeoutMs);
    this.#heldOff = { agents, cancel };
  }

  allocate(agentIds: Iterable<string>): void {
    if (this.#heldOff) return;
    const allocations = new Map<string, Allocation>();
    const candidates = [...agentIds];
    runAllocation(this.#run(allocations), candidates);
    for (const [frameworkId, allocation] of allocations) this.#options.onAllocation(frameworkId, allocation);
    this.#options.onAllocated(candidates);
  }

  #run(allocations: Map<string, Allocation>): AllocationRun {
    const total = this.#clusterTotal();
    const seekers = this.#seekers();
    return {
      quotas: this.#quotas.begin(this.#agents.values()),
      agent: (agentId) => this.#activeAgent(agentId),
      order: () => this.#shares.order(seekers, total),
      offerable: (seeker, agentId, free) => this.#offerable(seeker, agentId, free),
      isWanted: (seeker, agentId, resources) => this.#isWanted(seeker, agentId, resources),
      grant: ({ frameworkId, role }, agentId, resources) => {
        const allocated = resources.allocatedTo(role);
        this.#allocated(frameworkId, agentId, allocated);
        const byRole = getOrCreate(allocations, frameworkId, () => new Map());
        const byAgent = getOrCreate(byRole, role, () => new Map());
        byAgent.set(agentId, allocated.plus(byAgent.get(agentId) ?? Resources.none));
      },
    };
  }

  #activeAgent(agentId: string): AllocatorAgent | undefined {
    const agent = this.#agents.get(agentId);
    return agent?.active ? agent : undefined;
  }

  #seekers(): Seeker[] {
    const seekers: Seeker[] = [];
    for (const [frameworkId, framework] of this.#frameworks) {
      if (!framework.active) continue;
      for (const role of rolesOf(framework.info)) {
        if (!framework.suppressedRoles.has(role)) seekers.push({ frameworkId, role });
      }
    }
    return seekers;
  }

  #resume(): void {
    this.#heldOff?.cancel();
    this.#heldOff = undefined;
    this.#request();
  }

  #offerable({ frameworkId, role }: Seeker, agentId: string, free: Resources): Resources | undefined {
    const info = this.#frameworks.get(frameworkId)?.info;
    const agent = this.#agents.get(agentId);
    if (!info || !agent || !this.#options.isEligible(frameworkId, role, agentId)) return undefined;
    return offerable(info, role, agent.total, free);
  }

  #isWanted({ frameworkId, role }: Seeker, agentId: string, resources: Resources): boolean {
    const own = this.#frameworks.get(frameworkId)?.info.offerFilters[role]?.minAllocatableResources;
    if (!isWorthOffering(resources, own ? ownMinimum(own) : this.#minAllocatable)) return false;
    return !this.#filters.refuses(frameworkId, role, agentId, resources);
  }

  #clusterTotal(): Record<string, number> {
    const total: Record<string, number> = {};
    for (const agent of this.#agents.values()) {
      for (const name of agent.total.scalarNames()) total[name] = (total[name] ?? 0) + agent.total.milli(name);
    }
    return total;
  }

  #allocated(frameworkId: string, agentId: string, resources: Resources): void {
    const agent = this.#agents.get(agentId);
    if (agent) agent.allocated = agent.allocated.plus(resources.allocatedTo(undefined));
    this.#count(frameworkId, resources, 1);
  }

  #freed(frameworkId: string, agentId: string, resources: Resources): void {
    const agent = this.#agents.get(agentId);
    if (!agent) return;
    agent.allocated = agent.allocated.minus(resources.allocatedTo(undefined));
    this.#count(frameworkId, resources, -1);
  }

  /** Adds to what the roles of these resources hold, or takes away from it. */
  #count(frameworkId: string, resources: Resources, sign: 1 | -1): void {
    for (const role of new Set(resources.list().map(({ allocationInfo }) => allocationInfo?.role ?? "*"))) {
      const own = resources.filter(({ allocationInfo }) => (allocationInfo?.role ?? "*") === role);
      this.#shares.change(frameworkId, role, own, sign);
      this.#quotas.change(role, own, sign);
    }
  }

  #setFrameworkActive(id: string, active: boolean): void {
    const framework = this.#frameworks.get(id);
    if (framework) framework.active = active;
  }

  /** An allocation of these agents, or of all, once the current call is done. */
  #request(agentIds: Iterable<string> = this.#agents.keys()): void {
    for (const id of agentIds) this.#candidates.add(id);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const candidates = [...this.#candidates];
      this.#candidates.clear();
      if (!this.#closed) this.allocate(candidates);
    });
  }
}
