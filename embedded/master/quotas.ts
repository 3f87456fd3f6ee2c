import { Value_Type } from "../../gen/mesos/v1/mesos.js";
import type { QuotaConfig, QuotaInfo, QuotaStatus } from "../../gen/mesos/v1/quota/quota.js";
import { addTo, type Quantities } from "../resources/quantities.js";
import type { Allocator } from "./allocator.js";
import { milliOf, type Quota } from "./quota.js";
import type { Registry } from "./registry.js";

/** Of the agents that were known before, so many have to be back before anything is allocated. */
const RECOVERY_FACTOR = 0.8;
const RECOVERY_HOLD_OFF_MS = 600_000;

/** The quotas of roles. Those that hold nothing are known as long as the master runs, as in Mesos. */
export class Quotas {
  readonly #registry: Registry;
  readonly #allocator: Allocator;
  readonly #quotas: Map<string, Quota>;

  /** @param recovered how many agents an earlier master knew */
  constructor(registry: Registry, allocator: Allocator, recovered: number) {
    this.#registry = registry;
    this.#allocator = allocator;
    this.#quotas = new Map(registry.quotas);
    for (const [role, quota] of this.#quotas) allocator.holdings.quotas.set(role, inMilli(quota));
    // What is promised could be given away before the agents are back that it is to come from.
    const agents = Math.floor(recovered * RECOVERY_FACTOR);
    if (this.#quotas.size > 0 && agents > 0) allocator.holdOff(agents, RECOVERY_HOLD_OFF_MS);
  }

  get(role: string): Quota | undefined {
    return this.#quotas.get(role);
  }

  /** The newest first. */
  all(): Array<readonly [role: string, quota: Quota]> {
    return [...this.#quotas].reverse();
  }

  set(quotas: ReadonlyMap<string, Quota>): void {
    for (const [role, quota] of quotas) {
      this.#quotas.set(role, quota);
      if (quota.guarantees.size === 0 && quota.limits.size === 0) this.#registry.quotas.delete(role);
      else this.#registry.quotas.set(role, quota);
      this.#allocator.holdings.quotas.set(role, inMilli(quota));
    }
    this.#registry.save();
  }

  remove(role: string): void {
    this.#quotas.delete(role);
    this.#registry.quotas.delete(role);
    this.#registry.save();
    this.#allocator.holdings.quotas.set(role, undefined);
  }

  /** The sum of all guarantees if these roles had these quotas. */
  totalGuarantees(changed: ReadonlyMap<string, Quota>): Map<string, number> {
    const sum = new Map<string, number>();
    for (const { guarantees } of new Map([...this.#quotas, ...changed]).values()) addTo(sum, milliOf(guarantees));
    return sum;
  }

  status(): QuotaStatus {
    const all = this.all();
    return {
      infos: all.map(([role, quota]) => quotaInfo(role, quota)),
      configs: all.map(([role, quota]) => quotaConfig(role, quota)),
    };
  }
}

function inMilli({ guarantees, limits }: Quota): { guarantees: Quantities; limits: Quantities } {
  return { guarantees: milliOf(guarantees), limits: milliOf(limits) };
}

/** In the form from before there were limits. */
function quotaInfo(role: string, { guarantees }: Quota): QuotaInfo {
  const guarantee = [...guarantees].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    role,
    guarantee: guarantee.map(([name, value]) => ({
      name,
      type: Value_Type.SCALAR,
      scalar: { value },
      reservations: [],
    })),
  };
}

function quotaConfig(role: string, { guarantees, limits }: Quota): QuotaConfig {
  const scalars = (amounts: ReadonlyMap<string, number>) =>
    Object.fromEntries([...amounts].map(([name, value]) => [name, { value }]));
  return { role, guarantees: scalars(guarantees), limits: scalars(limits) };
}
