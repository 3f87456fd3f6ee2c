import { utf8 } from "../../wire/proto.js";

/** What clients wrote is shown up to this many characters. */
const MAX_SHOWN = 64;
const MAX_BYTES_OF_CHARACTER = 4;

/** A text in quotes, as it is shown in a path or a description; its beginning if it is long. */
export function quoted(bytes: Uint8Array): string {
  const text = utf8(bytes.subarray(0, (MAX_SHOWN + 1) * MAX_BYTES_OF_CHARACTER));
  return JSON.stringify(text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`);
}

/** Enum names are listed up to this many. */
const MAX_LISTED_NAMES = 8;

/** What is wrong with a number that an enum of these names does not have. */
export function unknownEnum(number: number, names: readonly string[]): string {
  const known = names.length <= MAX_LISTED_NAMES ? `: ${names.join(", ")}` : "";
  return `has the value ${number}, which Mesos 1.11.0 does not know; it must be one that it knows${known}`;
}
