import { addTo } from "../resources/quantities.js";
import { isTopmost } from "./roleNames.js";
import { roleUsages } from "./roleUsage.js";
import type { MasterState } from "./state.js";

/** The allocator's metrics of roles: their quotas, what counts against these, and their dominant shares. */
export function roleMetrics(state: MasterState): Record<string, number> {
  const out: Record<string, number> = {};
  for (const [role, { guarantees, limits }] of state.quotas.all()) {
    const prefix = `allocator/mesos/quota/roles/${role}/resources`;
    for (const [name, value] of guarantees) out[`${prefix}/${name}/guarantee`] = value;
    for (const [name, value] of limits) out[`${prefix}/${name}/limit`] = value;
    for (const name of [...guarantees.keys(), ...limits.keys()]) {
      out[`${prefix}/${name}/offered_or_allocated`] = state.allocator.holdings.shares.held(role, name) / 1000;
    }
  }
  const all = new Map<string, number>();
  for (const [role, { consumedScalars }] of roleUsages(state)) {
    addConsumed(out, role, consumedScalars);
    if (isTopmost(role)) addTo(all, consumedScalars);
  }
  // Of all roles together, under no name.
  addConsumed(out, "", all);
  const roles = [...new Set([...state.frameworks.values()].flatMap((framework) => framework.roles))];
  const { shares } = state.allocator.holdings;
  const total = state.allocator.holdings.total();
  for (const role of roles) out[`allocator/mesos/roles/${role}/shares/dominant`] = shares.dominantShare(role, total);
  return out;
}

function addConsumed(out: Record<string, number>, role: string, consumed: ReadonlyMap<string, number>): void {
  for (const [name, milli] of consumed) {
    if (milli !== 0) out[`allocator/mesos/quota/roles/${role}/resources/${name}/consumed`] = milli / 1000;
  }
}
