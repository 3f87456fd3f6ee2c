/** What Mesos takes for a uuid: 16 raw bytes with a version of RFC 4122, from 1 to 5, in the upper half of byte 6. */

import { randomUUID } from "node:crypto";

export const UUID_BYTES = 16;
const VERSION_AT = 6;
const MAX_VERSION = 5;

/** The version that the 16 bytes from `start` on say they are of. */
export function uuidVersion(buffer: Uint8Array, start = 0): number {
  return (buffer[start + VERSION_AT] as number) >> 4;
}

export function isUuidVersion(version: number): boolean {
  return version >= 1 && version <= MAX_VERSION;
}

export function isUuid(bytes: Uint8Array | undefined): boolean {
  return bytes?.length === UUID_BYTES && isUuidVersion(uuidVersion(bytes));
}

/** The 16 bytes of a uuid that is given as text. Default: a new one. */
export function uuidBytes(text: string = randomUUID()): Buffer {
  return Buffer.from(text.replaceAll("-", ""), "hex");
}
