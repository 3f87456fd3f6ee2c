import {
  FrameworkInfo_Capability_Type as Capability,
  type Offer_Operation,
  type Resource,
  Offer_Operation_Type as Type,
} from "../../../gen/mesos/v1/mesos.js";
import { isDynamicallyReserved, isPersistentVolume } from "../../resources/identity.js";
import { Resources } from "../../resources/resources.js";
import type { Agent, Framework } from "../entities.js";
import { hasCapability } from "../frameworkInfo.js";
import { invalidCreateDisk, invalidDestroyDisk } from "./csiDisk.js";
import { invalidOperands, notAPersistentVolume, text } from "./disk.js";
import { firstError, prefixed } from "./errors.js";
import { invalidReserve } from "./reserve.js";
import { invalidGrow, invalidShrink } from "./resize.js";
import { duplicatePersistenceId } from "./resources.js";

/**
 * What is wrong with a reservation or volume operation, apart from there being too little, or undefined. Without a framework
 * it is an operator's.
 */
export function invalidOperation(
  operation: Offer_Operation,
  framework: Framework | undefined,
  agent: Agent,
): string | undefined {
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
    case Type.CREATE_DISK:
      return invalidCreateDisk(operation);
    default:
      return invalidDestroyDisk(operation);
  }
}

function invalidUnreserve(resources: readonly Resource[]): string | undefined {
  const invalid = invalidOperands(resources);
  if (invalid !== undefined) return invalid;
  for (const resource of resources) {
    if (!isDynamicallyReserved(resource)) return `Resource ${text(resource)} is not dynamically reserved`;
    if (isPersistentVolume(resource)) {
      return `A dynamically reserved persistent volume ${text(resource)} cannot be unreserved directly. Please destroy the persistent volume first then unreserve the resource`;
    }
  }
  return undefined;
}

function invalidCreate(
  volumes: readonly Resource[],
  framework: Framework | undefined,
  agent: Agent,
): string | undefined {
  const invalid =
    invalidOperands(volumes) ?? prefixed("Not a persistent volume: ", firstError(volumes, notAPersistentVolume));
  if (invalid !== undefined) return invalid;
  const existing = agent.total.filter(isPersistentVolume).list();
  return (
    duplicatePersistenceId([...existing, ...volumes]) ??
    (framework && (forbiddenSharing(volumes, framework) ?? foreignVolume(volumes, framework.info.principal)))
  );
}

function forbiddenSharing(volumes: readonly Resource[], framework: Framework): string | undefined {
  const shared = volumes.find((volume) => volume.shared);
  if (!shared || hasCapability(framework.info, Capability.SHARED_RESOURCES)) return undefined;
  return `Create volume operation for '${text(shared)}' has been attempted by framework '${framework.id}' with no SHARED_RESOURCES capability`;
}

function foreignVolume(volumes: readonly Resource[], own: string | undefined): string | undefined {
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

function invalidDestroy(volumes: readonly Resource[], agent: Agent): string | undefined {
  const plain = volumes.map((volume) => ({ ...volume, allocationInfo: undefined }));
  const invalid =
    invalidOperands(volumes) ?? prefixed("Not a persistent volume: ", firstError(plain, notAPersistentVolume));
  if (invalid !== undefined) return invalid;
  const wanted = plain.map((volume) => Resources.of([volume]));
  if (!wanted.every((volume) => agent.total.contains(volume))) return "Persistent volumes not found";
  const held = [...agent.used().values()].map((used) => used.allocatedTo(undefined).filter(isPersistentVolume));
  const inUse = wanted.some((volume) => held.some((each) => each.contains(volume)));
  return inUse ? "Persistent volumes in use" : undefined;
}
