import { FrameworkInfo_Capability_Type as Capability, type FrameworkInfo } from "../../gen/mesos/v1/mesos.js";
import type { Call_Subscribe } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { invalidId, invalidRole } from "../names.js";
import { generalText } from "../resources/number.js";
import { hasCapability, rolesOf } from "./frameworkInfo.js";
import { invalidConstraints } from "./offerConstraints.js";
import { allowedRoles } from "./roleWhitelist.js";
import type { MasterState } from "./state.js";

/** Mesos keeps durations as 64-bit nanoseconds. */
const MAX_DURATION_SECONDS = 9_223_372_036;

/** Why a SUBSCRIBE is refused, in Mesos's order and words, or undefined. */
export function refuseSubscription(state: MasterState, info: FrameworkInfo, call: Call_Subscribe): string | undefined {
  const invalid = invalidFrameworkInfo(info) ?? refusedByFlags(state, info);
  if (invalid !== undefined) return invalid;
  const id = info.id?.value ?? "";
  if (id !== "" && state.completedFrameworks.has(id)) return "Framework has been removed";
  const suppression = invalidSuppression(info, call.suppressedRoles);
  if (suppression !== undefined) return suppression;
  const constraints = call.offerConstraints && invalidConstraints(call.offerConstraints);
  if (constraints !== undefined) return constraints;
  const known = state.frameworks.get(id);
  if (known && known.info.principal !== info.principal && !known.recovered) {
    return "Changing framework's principal is not allowed.";
  }
  return undefined;
}

export function invalidSuppression(info: FrameworkInfo, suppressedRoles: readonly string[]): string | undefined {
  const roles = new Set(rolesOf(info));
  const stranger = suppressedRoles.find((role) => !roles.has(role));
  return stranger === undefined ? undefined : `Suppressed role '${stranger}' is not contained in the list of roles`;
}

/** The checks of a FrameworkInfo by itself. */
export function invalidFrameworkInfo(info: FrameworkInfo): string | undefined {
  return invalidRoles(info) ?? invalidFrameworkId(info) ?? invalidOfferFilters(info) ?? invalidFailoverTimeout(info);
}

function invalidRoles(info: FrameworkInfo): string | undefined {
  if (!hasCapability(info, Capability.MULTI_ROLE)) {
    if (info.roles.length > 0) {
      return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable";
    }
    const error = invalidRole(info.role ?? "*");
    return error === undefined ? undefined : `'FrameworkInfo.role' is not a valid role: ${error}`;
  }
  if (info.role !== undefined) {
    return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable";
  }
  const duplicates = info.roles.filter((role, index) => info.roles.indexOf(role) !== index);
  if (duplicates.length > 0) {
    return `'FrameworkInfo.roles' contains duplicate items: { ${[...new Set(duplicates)].join(", ")} }`;
  }
  for (const role of info.roles) {
    const error = invalidRole(role);
    if (error !== undefined) return `'FrameworkInfo.roles' contains invalid role: ${error}`;
  }
  return undefined;
}

function invalidFrameworkId(info: FrameworkInfo): string | undefined {
  if (info.id === undefined || (info.id.value ?? "") === "") return undefined;
  return invalidId(info.id.value ?? "");
}

function invalidOfferFilters(info: FrameworkInfo): string | undefined {
  for (const filters of Object.values(info.offerFilters)) {
    for (const { quantities } of filters.minAllocatableResources?.quantities ?? []) {
      const entries = Object.entries(quantities);
      if (entries.length === 0) return "Resource quantities must contain at least one quantity";
      for (const [name, { value = 0 }] of entries) {
        const why = invalidQuantity(value);
        if (why !== undefined) return `Invalid resource quantity for '${name}': ${why}`;
      }
    }
  }
  return undefined;
}

function invalidQuantity(value: number): string | undefined {
  if (Number.isNaN(value)) return "NaN not supported";
  if (!Number.isFinite(value)) return "Infinite values not supported";
  return value < 0 ? "Negative values not supported" : undefined;
}

function invalidFailoverTimeout(info: FrameworkInfo): string | undefined {
  const seconds = info.failoverTimeout ?? 0;
  if (!Number.isNaN(seconds) && Math.abs(seconds) <= MAX_DURATION_SECONDS) return undefined;
  return `The framework failover_timeout (${generalText(seconds, 6)}) is invalid`;
}

function refusedByFlags(state: MasterState, info: FrameworkInfo): string | undefined {
  const allowed = allowedRoles(state.flags);
  const strangers = allowed ? rolesOf(info).filter((role) => !allowed.has(role)) : [];
  if (strangers.length > 0) return `Roles { ${strangers.join(", ")} } are not present in the master's --roles`;
  if (info.user === "root" && state.flags.text("root_submissions") === "false") {
    return "User 'root' is not allowed to run frameworks without --root_submissions set";
  }
  return undefined;
}
