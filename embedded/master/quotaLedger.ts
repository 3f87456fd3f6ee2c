import { reservationRole } from "../resources/identity.js";
import { addTo, isUnreserved } from "../resources/quantities.js";
import type { Resources } from "../resources/resources.js";
import { toMilli } from "../resources/value.js";
import type { RunAgent } from "./allocationRun.js";
import { getOrCreate } from "./filters.js";
import { type AllocatorQuota, QuotaRun } from "./quotaRun.js";
import { topLevel } from "./roleNames.js";

/** The quotas of roles, and what is allocated or offered to them beside reservations. */
export class QuotaLedger {
  readonly #quotas = new Map<string, AllocatorQuota>();
  /** By top-level role, with all roles below it: only those can have a quota. */
  readonly #unreserved = new Map<string, Map<string, number>>();

  set(role: string, quota: AllocatorQuota | undefined): void {
    if (quota) this.#quotas.set(role, quota);
    else this.#quotas.delete(role);
  }

  /** Notes what is allocated to a role, or with -1 what no longer is. */
  change(role: string, resources: Resources, sign: 1 | -1): void {
    const top = topLevel(role);
    const sums = getOrCreate(this.#unreserved, top, () => new Map<string, number>());
    addTo(sums, resources.quantities(isUnreserved), sign);
    if ([...sums.values()].every((milli) => milli === 0)) this.#unreserved.delete(top);
  }

  /** What quotas allow in an allocation that begins now; undefined if there are none. */
  begin(agents: Iterable<RunAgent>): QuotaRun | undefined {
    if (this.#quotas.size === 0) return undefined;
    const consumed = new Map<string, Map<string, number>>();
    for (const role of this.#quotas.keys()) consumed.set(role, new Map(this.#unreserved.get(role)));
    const available = new Map<string, number>();
    for (const agent of agents) {
      // Reservations count whether they are used or not.
      for (const resource of agent.total.list()) {
        const sums = consumed.get(topLevel(reservationRole(resource) ?? ""));
        if (sums && resource.scalar) addTo(sums, new Map([[resource.name ?? "", toMilli(resource.scalar.value ?? 0)]]));
      }
      if (agent.active) addTo(available, agent.total.minus(agent.allocated).quantities(isUnreserved));
    }
    return new QuotaRun(this.#quotas, consumed, available);
  }
}
