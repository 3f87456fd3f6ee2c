import { createHash } from "node:crypto";

/**
 * V8 hashes a text of more than 16,383 characters by its length alone: as keys of one Map or Set, such texts of one
 * length are all compared with each other.
 */
const MAX_KEY_LENGTH = 1_000;

/** A key for a text of any length in a Map or Set. Texts that differ have keys that differ. */
export function keyOf(text: string): string {
  if (text.length <= MAX_KEY_LENGTH) return text;
  // Longer than any key that is its own text.
  return text.slice(0, MAX_KEY_LENGTH) + createHash("sha256").update(text).digest("hex");
}

/** The same for bytes `start` to `end` of `buffer`. */
export function keyOfBytes(buffer: Uint8Array, start = 0, end = buffer.length): string {
  return keyOf(Buffer.from(buffer.buffer, buffer.byteOffset + start, end - start).toString("latin1"));
}
