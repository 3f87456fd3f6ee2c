import { type Resource, Resource_ReservationInfo_Type } from "../../gen/mesos/v1/mesos.js";

/**
 * Mesos has two formats of resources: `role` and `reservation` for frameworks without RESERVATION_REFINEMENT, and the
 * stack `reservations` for those with it. Inside the cluster there is only the second.
 */

/** A resource as a framework sent it, in the format with `reservations`. */
export function upgradeResource(resource: Resource): Resource {
  const { role, reservation, ...rest } = resource;
  if (resource.reservations.length > 0) return { ...rest };
  const reserved = role ?? "*";
  if (reservation) {
    const { principal, labels } = reservation;
    const dynamic = { type: Resource_ReservationInfo_Type.DYNAMIC, role: reserved, principal, labels };
    return { ...rest, reservations: [dynamic] };
  }
  if (reserved === "*") return { ...rest };
  return { ...rest, reservations: [{ type: Resource_ReservationInfo_Type.STATIC, role: reserved }] };
}

/** A resource for a framework without RESERVATION_REFINEMENT. Refined reservations have no such form. */
export function downgradeResource(resource: Resource): Resource {
  const reservation = resource.reservations[0];
  if (reservation === undefined) return { ...resource, role: "*" };
  const dynamic = reservation.type === Resource_ReservationInfo_Type.DYNAMIC;
  return {
    ...resource,
    role: reservation.role,
    reservations: [],
    reservation: dynamic ? { principal: reservation.principal, labels: reservation.labels } : undefined,
  };
}

/** The resource under its innermost reservation. */
export function popReservation(resource: Resource): Resource {
  return { ...resource, reservations: resource.reservations.slice(0, -1) };
}

/** The disk that a persistent volume is made of. */
export function stripPersistence(resource: Resource): Resource {
  const { disk, shared: _shared, ...rest } = resource;
  return { ...rest, disk: disk?.source ? { source: disk.source } : undefined };
}
