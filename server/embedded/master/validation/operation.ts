import { type Offer_Operation, type Resource, Offer_Operation_Type as Type } from "../../../../gen/mesos/v1/mesos.js";
import { isDynamicallyReserved, isPersistentVolume, reservationRole, resourceText } from "../../resources/identity.js";
import { Resources } from "../../resources/resources.js";
import { amountOf } from "../../resources/value.js";
import type { Agent, Framework } from "../entities.js";
import { prefixed } from "./executor.js";
import { duplicatePersistenceId, invalidVolumeIds } from "./resources.js";

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
      return "Operation is not supported";
  }
}

function invalidReserve(operation: Offer_Operation, framework: Framework): string | undefined {
  if ((operation.reserve?.source ?? []).length > 0) return "'source' is not supported by the scheduler API";
  for (const resource of operation.reserve?.resources ?? []) {
    if (!isDynamicallyReserved(resource)) return `Resource ${text(resource)} is not dynamically reserved`;
    const reservation = resource.reservations.at(-1);
    if (reservation?.principal !== framework.info.principal) {
      const attempt =
        framework.info.principal === undefined ? "no principal" : `principal '${framework.info.principal}'`;
      return `A reserve operation was attempted with ${attempt}, but there is a reserved resource in the request with ${
        reservation?.principal === undefined ? "no principal" : `principal '${reservation.principal}'`
      } set in \`ReservationInfo\``;
    }
    const [role, offered] = [reservationRole(resource), resource.allocationInfo?.role];
    if (role !== offered && !role?.startsWith(`${offered}/`)) {
      return `A reserve operation was attempted for a resource allocated to role '${offered}', which does not match the reservation's role '${role}'`;
    }
    if (isPersistentVolume(resource)) return `A persistent volume ${text(resource)} must be unreserved directly`;
  }
  return undefined;
}

function invalidUnreserve(resources: readonly Resource[]): string | undefined {
  for (const resource of resources) {
    if (!isDynamicallyReserved(resource)) return `Resource ${text(resource)} is not dynamically reserved`;
    if (isPersistentVolume(resource)) {
      return `A dynamically reserved persistent volume ${text(resource)} cannot be unreserved directly. Please destroy the persistent volume first then unreserve the resource`;
    }
  }
  return undefined;
}

function invalidCreate(volumes: readonly Resource[], framework: Framework, agent: Agent): string | undefined {
  const invalid = prefixed("Invalid resources: ", invalidVolumeIds(volumes)) ?? invalidVolumes(volumes);
  if (invalid !== undefined) return invalid;
  const existing = agent.total.filter(isPersistentVolume).list();
  const duplicate = duplicatePersistenceId([...existing, ...volumes]);
  if (duplicate !== undefined) return duplicate;
  for (const { disk } of volumes) {
    if (disk?.persistence?.principal !== undefined && disk.persistence.principal !== framework.info.principal) {
      return `Create volume operation has been attempted by principal '${framework.info.principal ?? ""}', but there is a volume in the operation with principal '${disk.persistence.principal}' set in \`DiskInfo.Persistence\``;
    }
  }
  return undefined;
}

function invalidVolumes(volumes: readonly Resource[]): string | undefined {
  for (const volume of volumes) {
    if (!volume.disk) return `Resource ${text(volume)} does not have DiskInfo`;
    if (!volume.disk.persistence) return "'persistence' is not set in DiskInfo";
    if (reservationRole(volume) === undefined) return "Persistent volumes cannot be created from unreserved resources";
    if (!volume.disk.volume) return "Expecting 'volume' to be set for persistent volume";
    if (volume.disk.volume.hostPath !== undefined) return "Expecting 'host_path' to be unset for persistent volume";
  }
  return undefined;
}

function invalidDestroy(volumes: readonly Resource[], agent: Agent): string | undefined {
  const invalid = invalidVolumes(volumes);
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
  if (!isPersistentVolume(volume)) return invalidVolumes([volume]);
  if (volume.shared) return "Growing a shared persistent volume is not supported";
  if ((addition.scalar?.value ?? 0) <= 0) return "The size of 'addition' in GrowVolume must be greater than zero";
  return undefined;
}

function invalidShrink(operation: Offer_Operation): string | undefined {
  const { volume, subtract } = operation.shrinkVolume ?? {};
  if (!volume || !subtract) return "Expecting 'volume' and 'subtract' to be present";
  if (!isPersistentVolume(volume)) return invalidVolumes([volume]);
  if (volume.shared) return "Shrinking a shared persistent volume is not supported";
  if ((subtract.value ?? 0) <= 0) return "Value of 'subtract' in ShrinkVolume must be greater than zero";
  if ((subtract.value ?? 0) >= (volume.scalar?.value ?? 0)) {
    return "Value of 'subtract' in ShrinkVolume must be smaller than the volume's size";
  }
  return undefined;
}

function text(resource: Resource): string {
  return resourceText(resource, amountOf(resource));
}
