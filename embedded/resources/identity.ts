import {
  type Labels,
  type Resource,
  type Resource_DiskInfo,
  type Resource_DiskInfo_Source,
  Resource_DiskInfo_Source_Type,
  type Resource_ReservationInfo,
  Resource_ReservationInfo_Type,
  type Volume,
  Volume_Mode,
} from "../../gen/mesos/v1/mesos.js";
import { type Amount, amountText } from "./value.js";

/** Equal for resources that may be added up. */
export function identityOf(resource: Resource): string {
  const plain =
    `${resource.name}|${resource.type ?? 0}|${resource.allocationInfo?.role ?? ""}|` +
    `${resource.revocable ? "R" : ""}${resource.shared ? "S" : ""}${resource.providerId?.value ?? ""}`;
  if (resource.reservations.length === 0 && resource.disk === undefined) return plain;
  const disk = resource.disk && {
    // Neither who made a volume nor where a task has it makes it another one.
    persistence: resource.disk.persistence && [resource.disk.persistence.id],
    source: resource.disk.source && [
      resource.disk.source.type,
      resource.disk.source.id,
      resource.disk.source.profile,
      resource.disk.source.path?.root,
      resource.disk.source.mount?.root,
    ],
  };
  return `${plain}|${resource.reservations.map(reservationIdentity).join("/")}|${JSON.stringify(disk)}`;
}

export function isPersistentVolume(resource: Resource): boolean {
  return resource.disk?.persistence !== undefined;
}

/** Role of the innermost reservation; undefined for unreserved resources. */
export function reservationRole(resource: Resource): string | undefined {
  return resource.reservations.at(-1)?.role;
}

export function isDynamicallyReserved(resource: Resource): boolean {
  return resource.reservations.at(-1)?.type === Resource_ReservationInfo_Type.DYNAMIC;
}

/** Equal for reservations that are the same. */
export function reservationIdentity(reservation: Resource_ReservationInfo): string {
  return JSON.stringify([reservation.type, reservation.role, reservation.principal, labelPairs(reservation.labels)]);
}

function labelPairs(labels: Labels | undefined): Array<[string, string]> | undefined {
  return labels?.labels.map((label): [string, string] => [label.key ?? "", label.value ?? ""]).sort();
}

/** As Mesos prints a resource: `cpus(allocated: r)(reservations: [(DYNAMIC,r,p)]):0.1`. */
export function resourceText(resource: Resource, amount: Amount): string {
  const allocation = resource.allocationInfo ? `(allocated: ${resource.allocationInfo.role ?? ""})` : "";
  const reservations = resource.reservations.map(reservationText).join(",");
  const reserved = reservations === "" ? "" : `(reservations: [${reservations}])`;
  const disk = resource.disk ? `[${diskText(resource.disk)}]` : "";
  const flags = `${resource.revocable ? "{REV}" : ""}${resource.shared ? "<SHARED>" : ""}`;
  return `${resource.name}${allocation}${reserved}${disk}${flags}:${amountText(amount)}`;
}

function reservationText(reservation: Resource_ReservationInfo): string {
  const type = Resource_ReservationInfo_Type[reservation.type ?? Resource_ReservationInfo_Type.UNKNOWN];
  const principal = reservation.principal === undefined ? "" : `,${reservation.principal}`;
  const labels = labelPairs(reservation.labels)?.map(([key, value]) => (value === "" ? key : `${key}: ${value}`));
  return `(${type},${reservation.role ?? ""}${principal}${labels ? `,{${labels.join(", ")}}` : ""})`;
}

function sourceText({ type, path, mount, vendor, id, profile }: Resource_DiskInfo_Source): string {
  const root = path?.root ?? mount?.root;
  const ids = [vendor, id, profile];
  const named = ids.some((each) => each !== undefined) ? `(${ids.map((each) => each ?? "").join(",")})` : "";
  const kind = Resource_DiskInfo_Source_Type[type ?? Resource_DiskInfo_Source_Type.UNKNOWN];
  return `${kind}${named}${root === undefined ? "" : `:${root}`}`;
}

function volumeText({ hostPath, containerPath, mode }: Volume): string {
  if (hostPath === undefined) return containerPath ?? "";
  const suffix = mode === Volume_Mode.RW ? ":rw" : mode === Volume_Mode.RO ? ":ro" : "";
  return `${hostPath}:${containerPath}${suffix}`;
}

function diskText({ source, persistence, volume }: Resource_DiskInfo): string {
  const parts = [...(source ? [sourceText(source)] : []), ...(persistence ? [persistence.id ?? ""] : [])];
  return `${parts.join(",")}${volume ? `:${volumeText(volume)}` : ""}`;
}
