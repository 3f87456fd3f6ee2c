import { type Offer_Operation, type Resource, Resource_DiskInfo_Source_Type } from "../../../gen/mesos/v1/mesos.js";
import { stripPersistence } from "../../resources/format.js";
import { identityOf } from "../../resources/identity.js";
import { toMilli } from "../../resources/value.js";
import { notAPersistentVolume } from "./disk.js";

/** What is wrong with a GROW_VOLUME, apart from there being too little, or undefined. */
export function invalidGrow(operation: Offer_Operation): string | undefined {
  const { volume, addition } = operation.growVolume ?? {};
  if (!volume || !addition) return "Expecting 'volume' and 'addition' to be present";
  if (toMilli(addition.scalar?.value ?? 0) <= 0)
    return "The size of 'GrowVolume.addition' field must be greater than zero";
  const invalid = notAPersistentVolume(volume);
  if (invalid !== undefined) return `Invalid persistent volume in the 'GrowVolume.volume' field: ${invalid}`;
  if (volume.providerId) return "Growing a volume from a resource provider is not supported";
  if (volume.shared) return "Growing a shared persistent volume is not supported";
  // The addition has to be the disk that the volume would be, were it none. A mounted disk has no more than it is.
  if (!isMount(volume) && identityOf(stripPersistence(volume)) === identityOf(addition)) return undefined;
  return "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields";
}

/** What is wrong with a SHRINK_VOLUME, apart from there being no such volume, or undefined. */
export function invalidShrink(operation: Offer_Operation): string | undefined {
  const { volume, subtract } = operation.shrinkVolume ?? {};
  if (!volume || !subtract) return "Expecting 'volume' and 'subtract' to be present";
  const [size, less] = [toMilli(volume.scalar?.value ?? 0), toMilli(subtract.value ?? 0)];
  if (less <= 0) return "Value of 'ShrinkVolume.subtract' must be greater than zero";
  if (less >= size) return "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'";
  const invalid = notAPersistentVolume(volume);
  if (invalid !== undefined) return `Invalid persistent volume in the 'ShrinkVolume.volume' field: ${invalid}`;
  if (volume.providerId) return "Shrinking a volume from a resource provider is not supported";
  if (volume.shared) return "Shrinking a shared persistent volume is not supported";
  return isMount(volume) ? "Shrinking a volume on a MOUNT disk is not supported" : undefined;
}

function isMount(volume: Resource): boolean {
  return volume.disk?.source?.type === Resource_DiskInfo_Source_Type.MOUNT;
}
