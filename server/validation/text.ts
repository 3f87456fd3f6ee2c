import { isUtf8 } from "node:buffer";
import { utf8 } from "../../wire/proto.js";

/** What clients wrote is shown up to this many characters. */
const MAX_SHOWN = 64;
const MAX_BYTES_OF_CHARACTER = 4;

/** A text in quotes, as it is shown in a path or a description; its beginning if it is long. */
export function quoted(bytes: Uint8Array): string {
  const text = utf8(bytes.subarray(0, (MAX_SHOWN + 1) * MAX_BYTES_OF_CHARACTER));
  return JSON.stringify(text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`);
}

/** Below this a loop over the bytes is cheaper than a view and a call. */
const SHORT_TEXT = 48;

/** Whether bytes `start` to `end` of `buffer` are UTF-8. */
export function isText(buffer: Uint8Array, start: number, end: number): boolean {
  if (end - start > SHORT_TEXT) return isUtf8(buffer.subarray(start, end));
  let bits = 0;
  for (let at = start; at < end; at++) bits |= buffer[at] as number;
  return bits < 0x80 || isUtf8(buffer.subarray(start, end));
}

/** Mesos, its agents and what they run make C strings of many texts. Those end at a NUL, so that others see another text than was checked. */
export const NUL_IN_TEXT = "must not contain a NUL: programs read the text only up to it";

/** Whether bytes `start` to `end` of `buffer` hold a NUL. */
export function hasNul(buffer: Uint8Array, start: number, end: number): boolean {
  if (end - start > SHORT_TEXT) return buffer.subarray(start, end).includes(0);
  for (let at = start; at < end; at++) if (buffer[at] === 0) return true;
  return false;
}

/** Enum names are listed up to this many. */
const MAX_LISTED_NAMES = 8;

/** What is wrong with a number that an enum of these names does not have. */
export function unknownEnum(number: number, names: readonly string[]): string {
  const known = names.length <= MAX_LISTED_NAMES ? `: ${names.join(", ")}` : "";
  return `has the value ${number}, which Mesos 1.11.0 does not know; it must be one that it knows${known}`;
}
