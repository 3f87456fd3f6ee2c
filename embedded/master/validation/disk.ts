import { type Resource, Volume_Mode } from "../../../gen/mesos/v1/mesos.js";
import { invalidId } from "../../names.js";
import { isDynamicallyReserved, reservationRole, resourceText } from "../../resources/identity.js";
import { amountOf } from "../../resources/value.js";
import { firstError, prefixed } from "./errors.js";

/** What is wrong with the resources that an operation names, whatever it does with them, or undefined. */
export function invalidOperands(resources: readonly Resource[]): string | undefined {
  return prefixed("Invalid resources: ", invalidInfos(resources) ?? mixedProviders(resources));
}

/** GPUs, disks and reservations that can't be as they are described. */
export function invalidInfos(resources: readonly Resource[]): string | undefined {
  return (
    prefixed("Invalid 'gpus' resource: ", firstError(resources, invalidGpus)) ??
    prefixed("Invalid DiskInfo: ", firstError(resources, invalidDiskInfo)) ??
    prefixed("Invalid ReservationInfo: ", firstError(resources, invalidReservation))
  );
}

/** Of no resources the master finds no provider either. */
function mixedProviders(resources: readonly Resource[]): string | undefined {
  const providers = new Set(resources.map(({ providerId }) => providerId?.value));
  if (providers.size === 1) return undefined;
  if (providers.has(undefined)) return "Some resources have a resource provider and some do not";
  return `The resources have multiple resource providers: ${[...providers].join(", ")}`;
}

function invalidGpus({ name, scalar }: Resource): string | undefined {
  const isWhole = Math.trunc((scalar?.value ?? 0) * 1000) % 1000 === 0;
  return name === "gpus" && !isWhole ? "The 'gpus' resource must be an unsigned integer" : undefined;
}

function invalidReservation(resource: Resource): string | undefined {
  if (!isDynamicallyReserved(resource) || !resource.revocable) return undefined;
  return `Dynamically reserved resource ${text(resource)} cannot be created from revocable resources`;
}

function invalidDiskInfo(resource: Resource): string | undefined {
  const { disk } = resource;
  if (!disk) return undefined;
  if (!disk.persistence) {
    if (disk.volume) return "Non-persistent volume not supported";
    return disk.source ? undefined : "DiskInfo is set but empty";
  }
  if (resource.revocable) return "Persistent volumes cannot be created from revocable resources";
  if (reservationRole(resource) === undefined) return "Persistent volumes cannot be created from unreserved resources";
  if (!disk.volume) return "Expecting 'volume' to be set for persistent volume";
  if (disk.volume.hostPath !== undefined) return "Expecting 'host_path' to be unset for persistent volume";
  return prefixed("Invalid persistence ID for persistent volume: ", invalidId(disk.persistence.id ?? ""));
}

export function notAPersistentVolume(resource: Resource): string | undefined {
  if (!resource.disk) return `Resource ${text(resource)} does not have DiskInfo`;
  if (!resource.disk.persistence) return `Resource ${text(resource)} does not have 'persistence' set in DiskInfo`;
  if (resource.disk.volume?.mode === Volume_Mode.RO) return "Read-only persistent volume not supported";
  return undefined;
}

/** The resource as Mesos prints it. */
export function text(resource: Resource): string {
  return resourceText(resource, amountOf(resource));
}
