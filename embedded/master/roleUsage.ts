import type { Resource } from "../../gen/mesos/v1/mesos.js";
import { reservationRole } from "../resources/identity.js";
import { addTo, isUnreserved } from "../resources/quantities.js";
import { Resources } from "../resources/resources.js";
import type { Amount } from "../resources/value.js";
import { getOrCreate } from "./filters.js";
import { lineage } from "./roleNames.js";
import type { MasterState } from "./state.js";

type Sums = Map<string, number>;

/** What a role and those below it have, in thousandths. Of ranges and sets it is counted how many there are. */
export interface RoleUsage {
  readonly allocated: Sums;
  readonly offered: Sums;
  readonly reserved: Sums;
  /** What counts against a quota: reservations, used or not, and what else is allocated. */
  readonly consumed: Sums;
  /** What is allocated and offered, without ranges and sets. */
  readonly scalars: Sums;
  readonly consumedScalars: Sums;
}

const SCALAR_PARTS: ReadonlySet<keyof RoleUsage> = new Set(["scalars", "consumedScalars"]);

export const NO_USAGE: RoleUsage = emptyUsage();

/** All roles that have something, with those above them. */
export function roleUsages(state: MasterState): Map<string, RoleUsage> {
  const agents = [...state.agents.values()];
  const totals = agents.flatMap(({ total }) => total.list());
  const used = agents.flatMap((agent) => [...agent.used().values()].flatMap((each) => each.list()));
  const offered = state.offers.all().flatMap(({ resources }) => resources.list());
  const usages = new Map<string, RoleUsage>();
  const collect = (
    parts: readonly (keyof RoleUsage)[],
    resources: Iterable<Resource>,
    roleOf: (each: Resource) => string = (each) => each.allocationInfo?.role ?? "*",
  ) => {
    for (const [role, own] of byRole(resources, roleOf)) {
      const [all, scalars] = [countsOf(own), own.quantities()];
      for (const path of lineage(role)) {
        const usage = getOrCreate(usages, path, emptyUsage);
        for (const part of parts) addTo(usage[part], SCALAR_PARTS.has(part) ? scalars : all);
      }
    }
  };
  const reserved = totals.filter((each) => reservationRole(each) !== undefined);
  collect(["allocated", "scalars"], used);
  collect(["offered", "scalars"], offered);
  collect(["reserved", "consumed", "consumedScalars"], reserved, (each) => reservationRole(each) ?? "*");
  collect(["consumed", "consumedScalars"], used.filter(isUnreserved));
  return usages;
}

function emptyUsage(): RoleUsage {
  return {
    allocated: new Map(),
    offered: new Map(),
    reserved: new Map(),
    consumed: new Map(),
    scalars: new Map(),
    consumedScalars: new Map(),
  };
}

function byRole(resources: Iterable<Resource>, roleOf: (each: Resource) => string): Map<string, Resources> {
  const lists = new Map<string, Resource[]>();
  for (const resource of resources) getOrCreate(lists, roleOf(resource), (): Resource[] => []).push(resource);
  return new Map([...lists].map(([role, list]) => [role, Resources.of(list)]));
}

/** How much of each resource, in thousandths, and of ranges and sets how many. */
export function countsOf(resources: Resources): Sums {
  return new Map([...resources.amountsByName()].map(([name, amount]) => [name, milliOf(amount)]));
}

function milliOf(amount: Amount): number {
  if (amount.kind === "scalar") return amount.milli;
  if (amount.kind === "set") return amount.items.length * 1000;
  return amount.ranges.reduce((sum, [begin, end]) => sum + Number(end - begin) + 1, 0) * 1000;
}
