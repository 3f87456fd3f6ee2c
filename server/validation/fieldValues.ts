import { LENGTH_DELIMITED } from "../../wire/proto.js";
import type { Cursor } from "./cursor.js";
import type { FieldEntry, MessageTable } from "./messageTable.js";
import type { ElementTest } from "./rule.js";

/** A length-delimited field of a message that was walked before, so that it is known to be well formed. */
export interface FieldPlace {
  readonly cursor: Cursor;
  readonly table: MessageTable;
  readonly field: FieldEntry;
  /** Where the message starts and ends, and how deep it lies. */
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

/** The first value of the field that passes the test. Nothing is made for the others: a request may hold millions. */
export function findValue(place: FieldPlace, test: ElementTest): Uint8Array | undefined {
  return scan(place, place.start, test, () => {});
}

/**
 * The parts of a submessage after one another, which in protobuf is their merge: those that came since another member
 * of its oneof did.
 */
export function mergedValue(place: FieldPlace): Uint8Array {
  let first = place.start;
  let size = 0;
  const measure: ElementTest = (_buffer, start, end) => {
    size += end - start;
    return false;
  };
  scan(place, first, measure, (behind) => {
    first = behind;
    size = 0;
  });
  const merged = Buffer.allocUnsafe(size);
  let at = 0;
  const copy: ElementTest = (buffer, start, end) => {
    merged.set(buffer.subarray(start, end), at);
    at += end - start;
    return false;
  };
  scan(place, first, copy, () => {});
  return merged;
}

/** @param onRival called with where another member of the field's oneof ends */
function scan(place: FieldPlace, from: number, test: ElementTest, onRival: (behind: number) => void) {
  const { cursor, table, field, end, depth } = place;
  const { buffer, position } = cursor;
  let found: Uint8Array | undefined;
  cursor.position = from;
  while (found === undefined && cursor.position < end) {
    const tag = cursor.tag(end);
    const other = table.find(tag >>> 3);
    if (other === field && (tag & 7) === LENGTH_DELIMITED) {
      const valueEnd = cursor.lengthEnd(end);
      if (test(buffer, cursor.position, valueEnd)) found = buffer.subarray(cursor.position, valueEnd);
      cursor.position = valueEnd;
    } else {
      cursor.skip(tag, end, depth);
      if (other !== undefined && field.rivals.includes(other.slot)) onRival(cursor.position);
    }
  }
  cursor.position = position;
  return found;
}
