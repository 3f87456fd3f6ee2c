import type { FrameworkInfo } from "../../gen/mesos/v1/mesos.js";
import { type Clock, every } from "../clock.js";
import { Resources } from "../resources/resources.js";
import { type AllocationRun, type RunAgent, runAllocation } from "./allocationRun.js";
import { Filters, getOrCreate } from "./filters.js";
import { rolesOf } from "./frameworkInfo.js";
import { Holdings } from "./holdings.js";
import { isWorthOffering, type Minimum, offerable, ownMinimum, parseMinimum, refuseSeconds } from "./offerable.js";
import type { Seeker } from "./shares.js";

/** Free resources of agents that a framework is to be offered, by role, then by agent. */
export type Allocation = Map<string, Map<string, Resources>>;

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
  /** What agents have and frameworks hold. What changes there shows with the next allocation. */
  readonly holdings = new Holdings();
  readonly #frameworks = new Map<string, AllocatorFramework>();
  readonly #filters: Filters;
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
    this.#stop = every(options.clock, options.intervalMs, () => this.allocate(this.holdings.agents.keys()));
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
    this.holdings.shares.forget(id);
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
    this.holdings.addAgent(id, total, used);
    if (this.#heldOff && this.holdings.agents.size >= this.#heldOff.agents) this.#resume();
    this.#request([id]);
  }

  removeAgent(id: string, used: ReadonlyMap<string, Resources>): void {
    this.holdings.removeAgent(id, used);
    this.#candidates.delete(id);
  }

  setAgentActive(id: string, active: boolean): void {
    const agent = this.holdings.agents.get(id);
    if (agent) agent.active = active;
    if (active) this.#request([id]);
  }

  /** Gives allocated resources back, and keeps them from the framework for a while if it refused them. */
  recover(
    frameworkId: string,
    agentId: string,
    resources: Resources,
    filter?: { refuseSeconds?: number | undefined },
  ): void {
    if (resources.isEmpty) return;
    this.holdings.free(frameworkId, agentId, resources);
    if (!filter || !this.#frameworks.has(frameworkId) || !this.holdings.agents.has(agentId)) return;
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
    const total = this.holdings.total();
    const seekers = this.#seekers();
    return {
      quotas: this.holdings.quotas.begin(this.holdings.agents.values()),
      agent: (agentId) => this.#activeAgent(agentId),
      order: () => this.holdings.shares.order(seekers, total),
      offerable: (seeker, agentId, free) => this.#offerable(seeker, agentId, free),
      isWanted: (seeker, agentId, resources) => this.#isWanted(seeker, agentId, resources),
      grant: ({ frameworkId, role }, agentId, resources) => {
        const allocated = resources.allocatedTo(role);
        this.holdings.take(frameworkId, agentId, allocated);
        const byRole = getOrCreate(allocations, frameworkId, () => new Map());
        const byAgent = getOrCreate(byRole, role, () => new Map());
        byAgent.set(agentId, allocated.plus(byAgent.get(agentId) ?? Resources.none));
      },
    };
  }

  #activeAgent(agentId: string): RunAgent | undefined {
    const agent = this.holdings.agents.get(agentId);
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
    const agent = this.holdings.agents.get(agentId);
    if (!info || !agent || !this.#options.isEligible(frameworkId, role, agentId)) return undefined;
    return offerable(info, role, agent.total, free);
  }

  #isWanted({ frameworkId, role }: Seeker, agentId: string, resources: Resources): boolean {
    const own = this.#frameworks.get(frameworkId)?.info.offerFilters[role]?.minAllocatableResources;
    if (!isWorthOffering(resources, own ? ownMinimum(own) : this.#minAllocatable)) return false;
    return !this.#filters.refuses(frameworkId, role, agentId, resources);
  }

  #setFrameworkActive(id: string, active: boolean): void {
    const framework = this.#frameworks.get(id);
    if (framework) framework.active = active;
  }

  /** An allocation of these agents, or of all, once the current call is done. */
  #request(agentIds: Iterable<string> = this.holdings.agents.keys()): void {
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
