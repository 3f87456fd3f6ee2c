import { randomUUID } from "node:crypto";

/** A new UUID as its 16 bytes, as Mesos sends it. */
export function uuidBytes(): Buffer {
  return Buffer.from(randomUUID().replaceAll("-", ""), "hex");
}

/** Sixteen bytes with a version that RFC 4122 knows; Mesos takes no notice of the variant. */
export function isUuid(bytes: Uint8Array | undefined): boolean {
  if (bytes?.length !== 16) return false;
  const version = (bytes[6] ?? 0) >> 4;
  return version >= 1 && version <= 5;
}
