import { LENGTH_DELIMITED } from "../../wire/proto.js";
import type { Cursor } from "./cursor.js";
import type { FieldEntry } from "./messageTable.js";
import type { ElementTest } from "./rule.js";

/** A length-delimited field of a message that was walked before, so that it is known to be well formed. */
export interface FieldPlace {
  readonly field: FieldEntry;
  /** Where the message starts and ends, and how deep it lies. */
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

/** The first value of the field that passes the test. Nothing is made for the others: a request may hold millions. */
export function findValue(cursor: Cursor, place: FieldPlace, test: ElementTest): Uint8Array | undefined {
  const { field, end, depth } = place;
  const { buffer, position } = cursor;
  let found: Uint8Array | undefined;
  cursor.position = place.start;
  while (found === undefined && cursor.position < end) {
    const tag = cursor.tag(end);
    if (tag >>> 3 === field.number && (tag & 7) === LENGTH_DELIMITED) {
      const valueEnd = cursor.lengthEnd(end);
      if (test(buffer, cursor.position, valueEnd)) found = buffer.subarray(cursor.position, valueEnd);
      cursor.position = valueEnd;
    } else cursor.skip(tag, end, depth);
  }
  cursor.position = position;
  return found;
}
