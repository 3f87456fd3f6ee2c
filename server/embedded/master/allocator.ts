import { FrameworkInfo_Capability_Type as Capability, type FrameworkInfo } from "../../../gen/mesos/v1/mesos.js";
import { type Clock, every } from "../clock.js";
import { reservationRole } from "../resources/identity.js";
import { Resources } from "../resources/resources.js";
import { toMilli } from "../resources/value.js";
import { Filters } from "./filters.js";
import { hasCapability, rolesOf } from "./frameworkInfo.js";
import { Shares } from "./shares.js";

/** Longest filter; Mesos cuts longer ones down to it. */
const MAX_REFUSE_SECONDS = 31_536_000;
const DEFAULT_REFUSE_SECONDS = 5;

/** Free resources of agents that a framework is to be offered, by role, then by agent. */
export type Allocation = Map<string, Map<string, Resources>>;
/** Amounts in thousandths, all of which have to be there. */
type Quantities = Readonly<Record<string, number>>;

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
  readonly #minAllocatable: readonly Quantities[];
  readonly #candidates = new Set<string>();
  #scheduled = false;
  #closed = false;
  readonly #stop: () => void;

  constructor(options: AllocatorOptions) {
    this.#options = options;
    this.#filters = new Filters(options.clock);
    this.#minAllocatable = parseQuantities(options.minAllocatable);
    this.#stop = every(options.clock, options.intervalMs, () => this.allocate(this.#agents.keys()));
  }

  close(): void {
    this.#closed = true;
    this.#stop();
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
    this.#agents.set(id, { total, allocated: Resources.none, active: true });
    for (const [frameworkId, resources] of used) this.#allocated(frameworkId, id, resources);
    this.#request([id]);
  }

  removeAgent(id: string, used: ReadonlyMap<string, Resources>): void {
    for (const [frameworkId, resources] of used) this.#shares.subtract(frameworkId, resources);
    this.#agents.delete(id);
    this.#candidates.delete(id);
  }

  setAgentActive(id: string, active: boolean): void {
    const agent = this.#agents.get(id);
    if (agent) agent.active = active;
    if (active) this.#request([id]);
  }

  /** What nobody has been offered and nobody uses. Shared volumes are there for others too. Without allocation info. */
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

  allocate(agentIds: Iterable<string>): void {
    const allocations = new Map<string, Allocation>();
    const total = this.#clusterTotal();
    const candidates = [...agentIds];
    for (const agentId of candidates) {
      const agent = this.#agents.get(agentId);
      if (agent?.active) this.#allocateAgent(agentId, total, allocations);
    }
    for (const [frameworkId, allocation] of allocations) this.#options.onAllocation(frameworkId, allocation);
    this.#options.onAllocated(candidates);
  }

  #allocateAgent(agentId: string, total: Quantities, out: Map<string, Allocation>): void {
    let free = this.available(agentId);
    if (free.isEmpty) return;
    for (const { frameworkId, role } of this.#shares.order(this.#seekers(), total)) {
      const offered = this.#offerable(frameworkId, role, agentId, free);
      if (!offered) continue;
      free = free.minus(offered);
      const allocated = offered.allocatedTo(role);
      this.#allocated(frameworkId, agentId, allocated);
      const byRole = out.get(frameworkId) ?? new Map<string, Map<string, Resources>>();
      byRole.set(role, (byRole.get(role) ?? new Map<string, Resources>()).set(agentId, allocated));
      out.set(frameworkId, byRole);
      if (free.isEmpty) return;
    }
  }

  #seekers(): Array<{ frameworkId: string; role: string }> {
    const seekers: Array<{ frameworkId: string; role: string }> = [];
    for (const [frameworkId, framework] of this.#frameworks) {
      if (!framework.active) continue;
      for (const role of rolesOf(framework.info)) {
        if (!framework.suppressedRoles.has(role)) seekers.push({ frameworkId, role });
      }
    }
    return seekers;
  }

  #offerable(frameworkId: string, role: string, agentId: string, free: Resources): Resources | undefined {
    const info = this.#frameworks.get(frameworkId)?.info;
    if (!info || !this.#options.isEligible(frameworkId, role, agentId)) return undefined;
    const offered = free.filter((resource) => {
      if (!isAllocatableTo(role, reservationRole(resource))) return false;
      if (resource.revocable && !hasCapability(info, Capability.REVOCABLE_RESOURCES)) return false;
      if (resource.shared && !hasCapability(info, Capability.SHARED_RESOURCES)) return false;
      return resource.reservations.length < 2 || hasCapability(info, Capability.RESERVATION_REFINEMENT);
    });
    const gpus = (this.#agents.get(agentId)?.total.milli("gpus") ?? 0) > 0;
    if (gpus && !hasCapability(info, Capability.GPU_RESOURCES)) return undefined;
    if (offered.isEmpty || !this.#isWorthOffering(info, role, offered)) return undefined;
    return this.#filters.refuses(frameworkId, role, agentId, offered) ? undefined : offered;
  }

  #isWorthOffering(info: FrameworkInfo, role: string, offered: Resources): boolean {
    const own = info.offerFilters[role]?.minAllocatableResources;
    const alternatives = own
      ? own.quantities.map(({ quantities }) =>
          Object.fromEntries(Object.entries(quantities).map(([name, scalar]) => [name, toMilli(scalar.value ?? 0)])),
        )
      : this.#minAllocatable;
    if (alternatives.length === 0) return true;
    return alternatives.some((quantities) =>
      Object.entries(quantities).every(([name, milli]) => offered.milli(name) >= milli),
    );
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
    this.#shares.add(frameworkId, resources);
  }

  #freed(frameworkId: string, agentId: string, resources: Resources): void {
    const agent = this.#agents.get(agentId);
    if (!agent) return;
    agent.allocated = agent.allocated.minus(resources.allocatedTo(undefined));
    this.#shares.subtract(frameworkId, resources);
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

/** Unreserved resources go to any role, reserved ones to their role and to those below it. */
function isAllocatableTo(role: string, reserved: string | undefined): boolean {
  return reserved === undefined || role === reserved || role.startsWith(`${reserved}/`);
}

/** How long a filter holds, by what the framework asked for. */
export function refuseSeconds(seconds: number | undefined): number {
  const asked = seconds ?? DEFAULT_REFUSE_SECONDS;
  if (Number.isNaN(asked) || asked < 0) return DEFAULT_REFUSE_SECONDS;
  return Math.min(asked, MAX_REFUSE_SECONDS);
}

function parseQuantities(text: string): Quantities[] {
  const alternatives = text.split("|").filter((part) => part.trim() !== "");
  return alternatives.map((part) =>
    Object.fromEntries(
      part.split(";").map((quantity) => {
        const [name = "", value = ""] = quantity.split(":");
        return [name.trim(), toMilli(Number(value))];
      }),
    ),
  );
}
