import { type Resource, type Role, Value_Type } from "../../gen/mesos/v1/mesos.js";
import { type Answer, jsonAnswer } from "../http/answer.js";
import { addTo } from "../resources/quantities.js";
import { getOrCreate } from "./filters.js";
import { lineage } from "./roleNames.js";
import { NO_USAGE, type RoleUsage, roleUsages } from "./roleUsage.js";
import { allowedRoles } from "./roleWhitelist.js";
import type { MasterState } from "./state.js";

interface KnownRole {
  readonly name: string;
  readonly usage: RoleUsage;
  /** Ids of those that subscribed with the role itself. */
  readonly frameworks: readonly string[];
}

/** GET /roles: each role with what it has, its weight and its quota. */
export function rolesJson(state: MasterState): Answer {
  const roles = knownRoles(state).map(({ name, usage, frameworks }) => {
    const quota = state.quotas.get(name);
    const weight = state.weights.get(name);
    return {
      name,
      // Neither is a number in JSON.
      weight: Number.isFinite(weight) ? weight : String(weight),
      quota: {
        role: name,
        guarantee: Object.fromEntries(quota?.guarantees ?? []),
        limit: Object.fromEntries(quota?.limits ?? []),
        consumed: model(usage.consumed),
      },
      resources: model(held(usage)),
      allocated: model(usage.allocated),
      offered: model(usage.offered),
      reserved: model(usage.reserved),
      frameworks,
    };
  });
  return jsonAnswer(JSON.stringify({ roles }));
}

/** The same for GET_ROLES, which tells less. */
export function describeRoles(state: MasterState): { roles: Role[] } | undefined {
  const roles = knownRoles(state).map(({ name, usage, frameworks }) => ({
    name,
    weight: state.weights.get(name),
    frameworks: frameworks.map((value) => ({ value })),
    resources: scalarResources(usage.scalars),
  }));
  return roles.length > 0 ? { roles } : undefined;
}

/** Those that are allowed, and those of frameworks, reservations, quotas and weights, with the roles above; by name. */
function knownRoles(state: MasterState): KnownRole[] {
  const usages = roleUsages(state);
  const frameworks = new Map<string, string[]>();
  for (const framework of state.frameworks.values()) {
    for (const role of framework.roles) getOrCreate(frameworks, role, () => []).push(framework.id);
  }
  const withQuota = state.quotas.all().map(([role]) => role);
  const weighted = state.weights.all().map(([role]) => role);
  const allowed = allowedRoles(state.flags) ?? [];
  const named = [...usages.keys(), ...frameworks.keys(), ...withQuota, ...weighted, ...allowed];
  return [...new Set(named.flatMap(lineage))].sort().map((name) => ({
    name,
    usage: usages.get(name) ?? NO_USAGE,
    frameworks: frameworks.get(name) ?? [],
  }));
}

function held({ allocated, offered }: RoleUsage): Map<string, number> {
  const sum = new Map(allocated);
  addTo(sum, offered);
  return sum;
}

function model(sums: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...sums].filter(([, milli]) => milli !== 0).map(([name, milli]) => [name, milli / 1000]));
}

function scalarResources(sums: ReadonlyMap<string, number>): Resource[] {
  const some = [...sums].filter(([, milli]) => milli !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  return some.map(([name, milli]) => ({
    name,
    type: Value_Type.SCALAR,
    scalar: { value: milli / 1000 },
    reservations: [],
  }));
}
