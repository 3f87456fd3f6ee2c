import type { QuotaConfig, QuotaRequest } from "../../gen/mesos/v1/quota/quota.js";
import { invalidRole } from "../names.js";
import { upgradeResource } from "../resources/format.js";
import { reservationRole } from "../resources/identity.js";
import { contains, less, quantitiesText } from "../resources/quantities.js";
import { scalarText } from "../resources/value.js";
import { milliOf, type Quota, quotaOf } from "./quota.js";
import { isAllowedRole } from "./roleWhitelist.js";
import type { MasterState } from "./state.js";
import { invalidResources } from "./validation/resources.js";

type Scalars = QuotaConfig["limits"];

/** In megabytes, for memory and disk. */
const EXABYTE = 1_099_511_627_776;
const TRILLION = 1_000_000_000_000;

/** What is wrong with one entry of an UPDATE_QUOTA, or undefined. */
export function invalidConfig(state: MasterState, config: QuotaConfig): string | undefined {
  const role = config.role ?? "";
  if (!isAllowedRole(state.flags, role)) return `Invalid QuotaConfig: '${role}' is not on the roles whitelist`;
  // Even if it is not a role at all.
  if (role.includes("/")) return `Updating quota on nested role '${role}' is not supported yet`;
  const why = invalidContents(role, config);
  return why && `Invalid QuotaConfig: ${why}`;
}

function invalidContents(role: string, { guarantees, limits }: QuotaConfig): string | undefined {
  const error = invalidRole(role);
  if (error !== undefined) return `Invalid 'QuotaConfig.role': ${error}`;
  return (
    tooMuch("guarantees", guarantees) ??
    tooMuch("limits", limits) ??
    invalidScalars("guarantee", guarantees) ??
    invalidScalars("limit", limits) ??
    beyondLimits(guarantees, limits)
  );
}

function tooMuch(field: string, scalars: Scalars): string | undefined {
  for (const [name, value] of entries(scalars)) {
    const most = largest(name);
    if (!(value > most)) continue;
    const words = most === EXABYTE ? `1 exabyte (${EXABYTE})` : `1 trillion (${TRILLION})`;
    return `Invalid 'QuotaConfig.${field}': {'${name}': ${scalarText(value)}} is invalid: values greater than ${words} are not supported`;
  }
  return undefined;
}

function largest(name: string): number {
  return name === "mem" || name === "disk" ? EXABYTE : TRILLION;
}

function invalidScalars(what: string, scalars: Scalars): string | undefined {
  for (const [name, value] of entries(scalars)) {
    const why = invalidScalar(value);
    if (why !== undefined) {
      return `Invalid ${what} configuration {'${name}': ${scalarText(value)}}: ${why} not supported`;
    }
  }
  return undefined;
}

function invalidScalar(value: number): string | undefined {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return "Infinite values";
  return value < 0 ? "Negative values" : undefined;
}

function beyondLimits(guarantees: Scalars, limits: Scalars): string | undefined {
  const limited = milliOf(new Map(entries(limits)));
  const promised = [...milliOf(new Map(entries(guarantees)))];
  if (promised.every(([name, milli]) => milli <= (limited.get(name) ?? Number.POSITIVE_INFINITY))) return undefined;
  return `'QuotaConfig.guarantees' ${scalarsText(guarantees)} is not contained within the 'QuotaConfig.limits' ${scalarsText(limits)}`;
}

function scalarsText(scalars: Scalars): string {
  return `{ ${entries(scalars)
    .map(([name, value]) => `${name}: ${scalarText(value)}`)
    .join(", ")} }`;
}

export function entries(scalars: Scalars): Array<[string, number]> {
  return Object.entries(scalars).map(([name, { value }]) => [name, value ?? 0]);
}

/** What is wrong with a SET_QUOTA beside that it may be too much, or undefined. */
export function invalidRequest(state: MasterState, request: QuotaRequest): string | undefined {
  const role = request.role ?? "";
  const unknown = isAllowedRole(state.flags, role) ? undefined : `Unknown role '${role}'`;
  const why = invalidInfo(role, request) ?? unknown ?? beyondParent(state, role, request);
  if (why !== undefined) return `Failed to validate set quota request: ${why}`;
  if (role.includes("/")) return `Setting quota on nested role '${role}' is not supported yet`;
  if (state.quotas.get(role) === undefined) return undefined;
  return `Failed to validate set quota request: Cannot set quota for role '${role}' which already has quota`;
}

/** A request guarantees what it limits. */
export function requestedQuota({ guarantee }: QuotaRequest): Quota {
  const scalars = guarantee.map(({ name, scalar }): [string, number] => [name ?? "", scalar?.value ?? 0]);
  return quotaOf(scalars, scalars);
}

/** The resource of which a request wants more than a master survives, which only checks other requests for it. */
export function fatalAmount(request: QuotaRequest): string | undefined {
  return request.guarantee.find(({ name, scalar }) => (scalar?.value ?? 0) > largest(name ?? ""))?.name;
}

function invalidInfo(role: string, { guarantee }: QuotaRequest): string | undefined {
  const error = invalidRole(role);
  if (error !== undefined) return `QuotaInfo with invalid role: ${error}`;
  if (guarantee.length === 0) return "QuotaInfo with empty 'guarantee'";
  const invalid = invalidResources(guarantee);
  if (invalid !== undefined) return `QuotaInfo with invalid resource: ${invalid}`;
  const names = new Set<string>();
  for (const resource of guarantee) {
    if (reservationRole(upgradeResource(resource)) !== undefined) {
      return "QuotaInfo must not contain any ReservationInfo";
    }
    if (resource.disk) return "QuotaInfo must not contain DiskInfo";
    if (resource.revocable) return "QuotaInfo must not contain RevocableInfo";
    if (!resource.scalar) return "QuotaInfo must not include non-scalar resources";
    if (names.has(resource.name ?? "")) return `QuotaInfo contains duplicate resource name '${resource.name}'`;
    names.add(resource.name ?? "");
  }
  return undefined;
}

/** No role below the topmost has a quota: what is above this one guarantees nothing, or it is topmost itself. */
function beyondParent(state: MasterState, role: string, request: QuotaRequest): string | undefined {
  const parent = role.split("/").at(-2);
  if (parent === undefined) return undefined;
  const own = milliOf(state.quotas.get(role.slice(0, role.lastIndexOf("/")))?.guarantees ?? new Map());
  const wanted = milliOf(requestedQuota(request).guarantees);
  if (contains(own, wanted)) return undefined;
  return (
    `Invalid quota configuration. Parent role '${parent}' with guarantees (${quantitiesText(own)}) ` +
    `does not contain the sum of its children's guarantees (${quantitiesText(wanted)})`
  );
}

/** The sum of guarantees that is more than the cluster has, and what it has; undefined if it is not. */
export function overcommitment(
  state: MasterState,
  changed: ReadonlyMap<string, Quota>,
): { guarantees: string; capacity: string } | undefined {
  const guarantees = state.quotas.totalGuarantees(changed);
  const capacity = new Map<string, number>();
  for (const agent of state.agents.values()) {
    for (const [name, milli] of agent.total.quantities(({ revocable }) => !revocable)) {
      capacity.set(name, (capacity.get(name) ?? 0) + milli);
    }
  }
  if (less(guarantees, capacity).size === 0) return undefined;
  return { guarantees: quantitiesText(guarantees), capacity: quantitiesText(capacity) };
}
