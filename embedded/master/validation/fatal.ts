/**
 * Operations on which a 1.11.0 master aborts, though they pass its checks. A development Mesos that ends is less help than
 * one that says so: it refuses them, in its log as well.
 */
import {
  type Offer_Operation,
  type Resource,
  type TaskInfo,
  Offer_Operation_Type as Type,
} from "../../../gen/mesos/v1/mesos.js";
import { amountOf, isZero } from "../../resources/value.js";

const FATAL = "A Mesos 1.11.0 master would have aborted on this: ";

/** Thousandths that a 64-bit integer does not hold: the sum becomes negative, and so less than is offered. */
const OVERFLOW_MILLI = 2 ** 63;

/** What a request is answered on which a 1.11.0 master aborts. */
export function fatal(what: string): string {
  return `${FATAL}${what}`;
}

export function isFatal(problem: string): boolean {
  return problem.startsWith(FATAL);
}

/** What the master does not survive in an operation that it would carry out; undefined if nothing. */
export function fatalOperation(operation: Offer_Operation): string | undefined {
  switch (operation.type) {
    case Type.RESERVE:
      return reserveNothing(operation.reserve?.resources ?? []) ?? fatalSum(operation.reserve?.resources ?? []);
    case Type.UNRESERVE:
      return anyNothing(operation.unreserve?.resources ?? []);
    case Type.CREATE:
      return anyNothing(operation.create?.volumes ?? []);
    case Type.DESTROY:
      return anyNothing(operation.destroy?.volumes ?? []);
    default:
      return undefined;
  }
}

/** The same for a LAUNCH_GROUP. */
export function fatalGroup(tasks: readonly TaskInfo[]): string | undefined {
  const ids = new Set<string>();
  for (const { taskId } of tasks) {
    const id = taskId?.value ?? "";
    if (ids.has(id)) return `${FATAL}Duplicate task ${id} in a task group`;
    ids.add(id);
  }
  return undefined;
}

/** RESERVE converts its resources together. */
function reserveNothing(resources: readonly Resource[]): string | undefined {
  return resources.every(isNothing) ? anyNothing(resources) : undefined;
}

/** The others convert each by itself. */
function anyNothing(resources: readonly Resource[]): string | undefined {
  return resources.some(isNothing) ? `${FATAL}Cannot determine resource provider for empty resources` : undefined;
}

function isNothing(resource: Resource): boolean {
  return isZero(amountOf(resource));
}

/** A sum of amounts that the master can't hold. */
export function fatalSum(resources: readonly Resource[]): string | undefined {
  let milli = 0;
  for (const { scalar } of resources) milli += (scalar?.value ?? 0) * 1000;
  return milli >= OVERFLOW_MILLI ? `${FATAL}the amounts add up to more than it can hold` : undefined;
}

/** Two shared volumes of the same id and size are one to the master, which then counts it once too often. */
export function fatalVolumes(volumes: readonly Resource[]): string | undefined {
  const seen = new Set<string>();
  for (const { shared, scalar, disk, reservations } of volumes) {
    if (!shared) continue;
    const key = JSON.stringify([reservations.at(-1)?.role, disk?.persistence?.id, scalar?.value]);
    if (seen.has(key)) return `${FATAL}Persistence ID '${disk?.persistence?.id}' is not unique, and shared`;
    seen.add(key);
  }
  return undefined;
}
