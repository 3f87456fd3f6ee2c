import {
  FrameworkInfo_Capability_Type as Capability,
  type FrameworkInfo,
  type OfferFilters_MinAllocatableResources,
} from "../../gen/mesos/v1/mesos.js";
import { reservationRole } from "../resources/identity.js";
import type { Resources } from "../resources/resources.js";
import { toMilli } from "../resources/value.js";
import { hasCapability } from "./frameworkInfo.js";

/** Longest filter; Mesos cuts longer ones down to it. */
const MAX_REFUSE_SECONDS = 31_536_000;
const DEFAULT_REFUSE_SECONDS = 5;

/** Amounts in thousandths, all of which have to be there. */
export type Minimum = Readonly<Record<string, number>>;

/** What of an agent's free resources a framework can have in a role, by its capabilities; undefined if nothing. */
export function offerable(info: FrameworkInfo, role: string, total: Resources, free: Resources): Resources | undefined {
  if (total.milli("gpus") > 0 && !hasCapability(info, Capability.GPU_RESOURCES)) return undefined;
  const offered = free.filter((resource) => {
    if (!isAllocatableTo(role, reservationRole(resource))) return false;
    if (resource.revocable && !hasCapability(info, Capability.REVOCABLE_RESOURCES)) return false;
    if (resource.shared && !hasCapability(info, Capability.SHARED_RESOURCES)) return false;
    return resource.reservations.length < 2 || hasCapability(info, Capability.RESERVATION_REFINEMENT);
  });
  return offered.isEmpty ? undefined : offered;
}

export function isWorthOffering(offered: Resources, alternatives: readonly Minimum[]): boolean {
  if (alternatives.length === 0) return true;
  return alternatives.some((minimum) => Object.entries(minimum).every(([name, milli]) => offered.milli(name) >= milli));
}

/** What a framework itself wants at least. */
export function ownMinimum({ quantities }: OfferFilters_MinAllocatableResources): Minimum[] {
  return quantities.map((each) =>
    Object.fromEntries(Object.entries(each.quantities).map(([name, scalar]) => [name, toMilli(scalar.value ?? 0)])),
  );
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

export function parseMinimum(text: string): Minimum[] {
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
