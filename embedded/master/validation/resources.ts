import {
  type Offer_Operation,
  type Resource,
  Resource_DiskInfo_Source_Type,
  type Resource_ReservationInfo,
  Resource_ReservationInfo_Type,
  Value_Type,
} from "../../../gen/mesos/v1/mesos.js";
import { invalidRole } from "../../names.js";
import { reservationRole, resourceText } from "../../resources/identity.js";
import { toMilli, writtenAmount } from "../../resources/value.js";
import { operationResources } from "../normalize.js";
import { firstError } from "./errors.js";

/** What is wrong with the resources of an operation as they were sent, in either format, or undefined. */
export function invalidOperationResources(operation: Offer_Operation): string | undefined {
  const { growVolume, shrinkVolume } = operation;
  const single = [growVolume?.volume, growVolume?.addition, shrinkVolume?.volume].filter((one) => one !== undefined);
  for (const resource of single) {
    // Mesos does not say which it is where there is one of a kind.
    const error = invalidResource(resource);
    if (error !== undefined) return error;
  }
  return invalidResources(operationResources(operation));
}

/** What is wrong with resources as they were sent, in either format, or undefined. */
export function invalidResources(resources: readonly Resource[]): string | undefined {
  for (const resource of resources) {
    const error = invalidResource(resource);
    if (error !== undefined) {
      return `Resource '${resourceText(resource, writtenAmount(resource))}' is invalid: ${error}`;
    }
  }
  return undefined;
}

function invalidResource(resource: Resource): string | undefined {
  if ((resource.name ?? "") === "") return "Empty resource name";
  return invalidValue(resource) ?? invalidDisk(resource) ?? invalidFormat(resource) ?? invalidReservations(resource);
}

function invalidValue(resource: Resource): string | undefined {
  const { scalar, ranges, set } = resource;
  switch (resource.type) {
    case Value_Type.SCALAR:
      if (!scalar || ranges || set) return "Invalid scalar resource";
      // Neither negative amounts nor such as are none at three decimals, or too many for 64 bits.
      return (scalar.value ?? 0) !== 0 && toMilli(scalar.value ?? 0) <= 0
        ? "Invalid scalar resource: value <= 0"
        : undefined;
    case Value_Type.RANGES:
      if (scalar || !ranges || set) return "Invalid ranges resource";
      return invalidRanges(resource);
    case Value_Type.SET:
      if (scalar || ranges || !set) return "Invalid set resource";
      return new Set(set.item).size === set.item.length ? undefined : "Invalid set resource: duplicated elements";
    default:
      return "Unsupported resource type";
  }
}

function invalidRanges(resource: Resource): string | undefined {
  const ranges = (resource.ranges?.range ?? []).map(({ begin = 0n, end = 0n }) => ({ begin, end }));
  for (const { begin, end } of ranges) if (begin > end) return "Invalid ranges resource: begin > end";
  ranges.sort((a, b) => (a.begin < b.begin ? -1 : 1));
  const overlap = ranges.some((range, index) => index > 0 && range.begin <= (ranges[index - 1]?.end ?? -1n));
  return overlap ? "Invalid ranges resource: overlapping ranges" : undefined;
}

function invalidDisk(resource: Resource): string | undefined {
  if (resource.disk && resource.name !== "disk") return `DiskInfo should not be set for ${resource.name} resource`;
  const source = resource.disk?.source;
  if (source && (source.type ?? Resource_DiskInfo_Source_Type.UNKNOWN) === Resource_DiskInfo_Source_Type.UNKNOWN) {
    return "Unsupported 'DiskInfo.Source.Type' in 'UNKNOWN'";
  }
  if (!resource.shared) return undefined;
  if (resource.name !== "disk") return `Resource ${resource.name} cannot be shared`;
  if (!resource.disk?.persistence) return "Only persistent volumes can be shared";
  return undefined;
}

/** One resource must not mix the two formats of reservations. */
function invalidFormat(resource: Resource): string | undefined {
  if (resource.reservations.length > 0) {
    const reserved = reservationRole(resource);
    if (resource.reservations.length === 1 && resource.role !== undefined && resource.role !== reserved) {
      return `Invalid resource format: 'Resource.role' field with '${resource.role}' does not match the role '${reserved}' in 'Resource.reservations'`;
    }
    const [only, ...more] = resource.reservations;
    const { role, reservation } = resource;
    if (more.length > 0) {
      const field = role !== undefined ? "role" : reservation ? "reservation" : undefined;
      return (
        field &&
        `Invalid resource format: 'Resource.${field}' must not be set if there is more than one reservation in 'Resource.reservations'`
      );
    }
    const single = "if the single reservation in 'Resource.reservations' is";
    if (only?.type === Resource_ReservationInfo_Type.STATIC && reservation) {
      return `Invalid resource format: 'Resource.reservation' must not be set ${single} STATIC`;
    }
    if (only?.type === Resource_ReservationInfo_Type.DYNAMIC && (role === undefined) !== (reservation === undefined)) {
      return `Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or both not set ${single} DYNAMIC`;
    }
    return undefined;
  }
  if (resource.reservation && (resource.role ?? "*") === "*")
    return 'Invalid reservation: role "*" cannot be dynamically reserved';
  return undefined;
}

function invalidReservations(resource: Resource): string | undefined {
  const { role, reservations } = resource;
  if (reservations.length === 0) return role === undefined ? undefined : invalidRole(role);
  return firstError(reservations, invalidReservation) ?? invalidRefinement(reservations);
}

function invalidReservation({ type, role }: Resource_ReservationInfo): string | undefined {
  if (type === undefined) return "Invalid reservation: 'Resource.ReservationInfo.type' field must be set.";
  if (type === Resource_ReservationInfo_Type.UNKNOWN) return "Unsupported 'Resource.ReservationInfo.Type'";
  if (role === undefined) return "Invalid reservation: 'Resource.ReservationInfo.role' field must be set.";
  return invalidRole(role) ?? (role === "*" ? 'Invalid reservation: role "*" cannot be reserved' : undefined);
}

function invalidRefinement(reservations: readonly Resource_ReservationInfo[]): string | undefined {
  for (const [index, { type, role }] of reservations.entries()) {
    const parent = reservations[index - 1]?.role;
    if (parent === undefined) continue;
    if (type === Resource_ReservationInfo_Type.STATIC) {
      return "Invalid refined reservation: A refined reservation cannot be STATIC";
    }
    if (!role?.startsWith(`${parent}/`)) {
      return `Invalid refined reservation: role '${role}' is not a refinement of '${parent}'`;
    }
  }
  return undefined;
}

/** All of a task's resources have to be allocated to one role. */
export function mixedAllocation(resources: readonly Resource[]): string | undefined {
  if (resources.some(({ allocationInfo }) => allocationInfo?.role === undefined)) {
    return "The resources are not allocated to a role";
  }
  const first = resources[0]?.allocationInfo?.role;
  const other = resources.find(({ allocationInfo }) => allocationInfo?.role !== first)?.allocationInfo?.role;
  if (other === undefined) return undefined;
  return `The resources have multiple allocation roles ('${other}' and '${first}') but only one allocation role is allowed`;
}

export function mixedRevocable(resources: readonly Resource[]): string | undefined {
  for (const { name, revocable } of resources) {
    const other = resources.find(
      (one) => one.name === name && (one.revocable === undefined) !== (revocable === undefined),
    );
    if (other) return `Cannot use both revocable and non-revocable '${name}' at the same time`;
  }
  return undefined;
}

/** A persistence id that occurs in two different volumes. */
export function duplicatePersistenceId(resources: readonly Resource[]): string | undefined {
  const seen = new Set<string>();
  for (const resource of resources) {
    const id = resource.disk?.persistence?.id;
    if (id === undefined) continue;
    const slot = `${resource.reservations.at(-1)?.role}/${id}`;
    if (seen.has(slot)) return `Persistence ID '${id}' is not unique`;
    seen.add(slot);
  }
  return undefined;
}
