import { type Offer_Operation, Resource_DiskInfo_Source_Type as Source } from "../../../gen/mesos/v1/mesos.js";

/** Operations on the disks of CSI plugins, which the agents here do not have. */

const NO_PROVIDER = "'source' is not managed by a resource provider";

export function invalidCreateDisk({ createDisk }: Offer_Operation): string | undefined {
  const { source, targetType } = createDisk ?? {};
  if (!source?.providerId) return NO_PROVIDER;
  if (source.disk?.source?.type !== Source.RAW) return "'source' is not a RAW disk resource";
  if (targetType === Source.MOUNT || targetType === Source.BLOCK) return undefined;
  return "'target_type' is neither MOUNT or BLOCK";
}

export function invalidDestroyDisk({ destroyDisk }: Offer_Operation): string | undefined {
  const { providerId, disk } = destroyDisk?.source ?? {};
  if (!providerId) return NO_PROVIDER;
  const { type, id } = disk?.source ?? {};
  if (type !== Source.MOUNT && type !== Source.BLOCK) return "'source' is neither a MOUNT or BLOCK disk resource";
  return id === undefined ? "'source' is not backed by a CSI volume" : undefined;
}
