import {
  type Offer_Operation,
  type Resource,
  Offer_Operation_Type as Type,
  Volume_Mode,
} from "../../../../gen/mesos/v1/mesos.js";
import { invalidId } from "../../names.js";
import { stripPersistence } from "../../resources/format.js";
import {
  identityOf,
  isDynamicallyReserved,
  isPersistentVolume,
  reservationRole,
  resourceText,
} from "../../resources/identity.js";
import { Resources } from "../../resources/resources.js";
import { amountOf } from "../../resources/value.js";
import type { Agent, Framework } from "../entities.js";
import { prefixed } from "./executor.js";
import { duplicatePersistenceId } from "./resources.js";

/** What is wrong with a reservation or volume operation, apart from there being too little, or undefined. */
export function invalidOperation(operation: Offer_Operation, framework: Framework, agent: Agent): string | undefined {
  switch (operation.type) {
    case Type.RESERVE:
      return invalidReserve(operation, framework);
    case Type.UNRESERVE:
      return invalidUnreserve(operation.unreserve?.resources ?? []);
    case Type.CREATE:
      return invalidCreate(operation.create?.volumes ?? [], framework, agent);
    case Type.DESTROY:
      return invalidDestroy(operation.destroy?.volumes ?? [], agent);
    case Type.GROW_VOLUME:
      return invalidGrow(operation);
    case Type.SHRINK_VOLUME:
      return invalidShrink(operation);
    default:
      return "'source' is not managed by a resource provider";
  }
}

/** Of no resources the master finds no provider either. */
const NO_PROVIDER = "Invalid resources: The resources have multiple resource providers: ";

function invalidReserve(operation: Offer_Operation, framework: Framework): string | undefined {
  const resources = operation.reserve?.resources ?? [];
  if (resources.length === 0) return NO_PROVIDER;
  const invalid = prefixed("Invalid resources: ", invalidDiskInfos(resources));
  if (invalid !== undefined) return invalid;
  for (const resource of resources) {
    if (!isDynamicallyReserved(resource)) return `Resource ${text(resource)} is not dynamically reserved`;
    const error = foreignReservation(resource, framework) ?? misplacedReservation(resource);
    if (error !== undefined) return error;
    if (isPersistentVolume(resource)) return `A persistent volume ${text(resource)} cannot be reserved`;
  }
  return undefined;
}

function foreignReservation(resource: Resource, framework: Framework): string | undefined {
  const own = framework.info.principal;
  const stated = resource.reservations.at(-1)?.principal;
  if (own === undefined || own === stated) return undefined;
  if (stated === undefined) {
    return `A reserve operation was attempted by principal '${own}', but there is a reserved resource in the request with no principal set`;
  }
  return `A reserve operation was attempted by authenticated principal '${own}', which does not match a reserved resource in the request with principal '${stated}'`;
}

function misplacedReservation(resource: Resource): string | undefined {
  const [reserved, allocated] = [reservationRole(resource), resource.allocationInfo?.role];
  if (reserved === allocated) return undefined;
  return `A reserve operation was attempted for a resource with role '${reserved}', but the resource was allocated to role '${allocated}'`;
}

function invalidUnreserve(resources: readonly Resource[]): string | undefined {
  if (resources.length === 0) return NO_PROVIDER;
  for (const resource of resources) {
    if (!isDynamicallyReserved(resource)) return `Resource ${text(resource)} is not dynamically reserved`;
    if (isPersistentVolume(resource)) {
      return `A dynamically reserved persistent volume ${text(resource)} cannot be unreserved directly. Please destroy the persistent volume first then unreserve the resource`;
    }
  }
  return undefined;
}

function invalidCreate(volumes: readonly Resource[], framework: Framework, agent: Agent): string | undefined {
  if (volumes.length === 0) return NO_PROVIDER;
  const invalid =
    prefixed("Invalid resources: ", invalidDiskInfos(volumes)) ??
    prefixed("Not a persistent volume: ", firstError(volumes, notAPersistentVolume));
  if (invalid !== undefined) return invalid;
  const existing = agent.total.filter(isPersistentVolume).list();
  const duplicate = duplicatePersistenceId([...existing, ...volumes]);
  if (duplicate !== undefined) return duplicate;
  const own = framework.info.principal;
  for (const { disk } of volumes) {
    const stated = disk?.persistence?.principal;
    if (own === undefined || own === stated) continue;
    if (stated === undefined) {
      return `Create volume operation attempted by principal '${own}', but there is a volume in the operation with no principal set in 'disk.persistence'`;
    }
    return `Create volume operation attempted by authenticated principal '${own}', which does not match a volume in the operation with principal '${stated}' set in 'disk.persistence'`;
  }
  return undefined;
}

function invalidDiskInfos(resources: readonly Resource[]): string | undefined {
  return prefixed("Invalid DiskInfo: ", firstError(resources, invalidDiskInfo));
}

function invalidDiskInfo(resource: Resource): string | undefined {
  const { disk } = resource;
  if (!disk) return undefined;
  if (!disk.persistence) {
    return disk.volume ? "Non-persistent volume not supported" : undefined;
  }
  if (resource.revocable) return "Persistent volumes cannot be created from revocable resources";
  if (reservationRole(resource) === undefined) return "Persistent volumes cannot be created from unreserved resources";
  if (!disk.volume) return "Expecting 'volume' to be set for persistent volume";
  if (disk.volume.hostPath !== undefined) return "Expecting 'host_path' to be unset for persistent volume";
  return prefixed("Invalid persistence ID for persistent volume: ", invalidId(disk.persistence.id ?? ""));
}

function notAPersistentVolume(resource: Resource): string | undefined {
  if (!resource.disk) return `Resource ${text(resource)} does not have DiskInfo`;
  if (!resource.disk.persistence) return `Resource ${text(resource)} does not have 'persistence' set in DiskInfo`;
  if (resource.disk.volume?.mode === Volume_Mode.RO) return "Read-only persistent volume not supported";
  return undefined;
}

function firstError(
  resources: readonly Resource[],
  check: (resource: Resource) => string | undefined,
): string | undefined {
  for (const resource of resources) {
    const error = check(resource);
    if (error !== undefined) return error;
  }
  return undefined;
}

function invalidDestroy(volumes: readonly Resource[], agent: Agent): string | undefined {
  if (volumes.length === 0) return NO_PROVIDER;
  const invalid =
    prefixed("Invalid resources: ", invalidDiskInfos(volumes)) ?? firstError(volumes, notAPersistentVolume);
  if (invalid !== undefined) return invalid;
  const wanted = Resources.of(volumes).allocatedTo(undefined);
  if (!agent.total.contains(wanted)) return "Persistent volumes not found";
  for (const used of agent.used().values()) {
    const held = used.allocatedTo(undefined).filter(isPersistentVolume);
    for (const volume of wanted.list()) {
      if (held.contains(Resources.of([volume]))) return "Persistent volumes in use";
    }
  }
  return undefined;
}

function invalidGrow(operation: Offer_Operation): string | undefined {
  const { volume, addition } = operation.growVolume ?? {};
  if (!volume || !addition) return "Expecting 'volume' and 'addition' to be present";
  const invalid = notAPersistentVolume(volume);
  if (invalid !== undefined) return `Invalid persistent volume in the 'GrowVolume.volume' field: ${invalid}`;
  if (volume.shared) return "Growing a shared persistent volume is not supported";
  if ((addition.scalar?.value ?? 0) <= 0) return "The size of 'GrowVolume.addition' field must be greater than zero";
  // The addition has to be the disk that the volume would be, were it none.
  if (identityOf(stripPersistence(volume)) === identityOf(addition)) return undefined;
  return "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields";
}

function invalidShrink(operation: Offer_Operation): string | undefined {
  const { volume, subtract } = operation.shrinkVolume ?? {};
  if (!volume || !subtract) return "Expecting 'volume' and 'subtract' to be present";
  const invalid = notAPersistentVolume(volume);
  if (invalid !== undefined) return `Invalid persistent volume in the 'ShrinkVolume.volume' field: ${invalid}`;
  if (volume.shared) return "Shrinking a shared persistent volume is not supported";
  if ((subtract.value ?? 0) <= 0) return "Value of 'ShrinkVolume.subtract' must be greater than zero";
  if ((subtract.value ?? 0) >= (volume.scalar?.value ?? 0)) {
    return "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'";
  }
  return undefined;
}

function text(resource: Resource): string {
  return resourceText(resource, amountOf(resource));
}
