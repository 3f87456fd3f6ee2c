import type { Resource } from "../../gen/mesos/v1/mesos.js";
import { reservationRole } from "./identity.js";
import { Resources } from "./resources.js";
import { amountOf, scalarText } from "./value.js";

/** How much of each scalar, by name, in thousandths. */
export type Quantities = ReadonlyMap<string, number>;

/** What counts against a quota beside reservations. */
export function isUnreserved(resource: Resource): boolean {
  return reservationRole(resource) === undefined && resource.revocable === undefined;
}

/** Adds `more` to `sum`, or takes it away. */
export function addTo(sum: Map<string, number>, more: Quantities, sign: 1 | -1 = 1): void {
  for (const [name, milli] of more) sum.set(name, (sum.get(name) ?? 0) + sign * milli);
}

/** What `whole` has more than `part` has. */
export function less(whole: Quantities, part: Quantities): Map<string, number> {
  const rest = new Map<string, number>();
  for (const [name, milli] of whole) {
    const more = milli - (part.get(name) ?? 0);
    if (more > 0) rest.set(name, more);
  }
  return rest;
}

export function contains(whole: Quantities, part: Quantities): boolean {
  return less(part, whole).size === 0;
}

/** As Mesos prints it: `cpus:2; mem:10`. */
export function quantitiesText(quantities: Quantities): string {
  const parts = [...quantities].filter(([, milli]) => milli !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  if (parts.length === 0) return "{}";
  return parts.map(([name, milli]) => `${name}:${scalarText(milli / 1000)}`).join("; ");
}

/**
 * Chops scalars so that there is no more of each than `bound` says, in thousandths. What can't be split is taken as a
 * whole or not at all; resources other than scalars stay.
 */
export function shrink(resources: Resources, bound: (name: string) => number): Resources {
  const room = new Map<string, number>();
  let chopped = false;
  const kept: Resource[] = [];
  for (const resource of resources.list()) {
    const amount = amountOf(resource);
    const name = resource.name ?? "";
    const left = room.get(name) ?? bound(name);
    if (amount.kind !== "scalar" || amount.milli <= left) {
      kept.push(resource);
      if (amount.kind === "scalar") room.set(name, left - amount.milli);
      continue;
    }
    chopped = true;
    if (left <= 0 || resource.disk?.source !== undefined) continue;
    kept.push({ ...resource, scalar: { value: left / 1000 } });
    room.set(name, 0);
  }
  return chopped ? Resources.of(kept) : resources;
}
