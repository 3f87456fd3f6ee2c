/**
 * Fields of serialized messages by their number. A message of some megabytes may hold millions of values, so nothing is
 * made for those that nobody asks for. Only length-delimited values count. All throw WireError.
 */
import {
  LENGTH_DELIMITED,
  lengthDelimited,
  lengthDelimitedSize,
  ProtoReader,
  writeLengthDelimitedHead,
} from "./proto.js";

/** Hands out each value of a field, in order, as a view. */
export function eachValue(message: Uint8Array, field: number, visit: (value: Uint8Array) => void): void {
  scan(message, field, (start, end) => visit(message.subarray(start, end)));
}

/** How many values a field has, and their bytes together. */
export function sizeOfValues(message: Uint8Array, field: number): { readonly count: number; readonly size: number } {
  return measured(message, field);
}

export function countValues(message: Uint8Array, field: number): number {
  return measured(message, field).count;
}

export function hasValue(message: Uint8Array, field: number): boolean {
  const reader = new ProtoReader(message);
  while (reader.next()) if (reader.field === field && reader.wireType === LENGTH_DELIMITED) return true;
  return false;
}

/** The value that counts of a singular string or bytes field: the last. */
export function lastValue(message: Uint8Array, field: number): Uint8Array | undefined {
  const { count, start, end } = measured(message, field);
  return count === 0 ? undefined : message.subarray(start, end);
}

/** A singular message field; several pieces of it are one message, as protobuf says. */
export function messageIn(message: Uint8Array, field: number): Uint8Array | undefined {
  const { count, size, start, end } = measured(message, field);
  if (count < 2) return count === 0 ? undefined : message.subarray(start, end);
  const merged = Buffer.allocUnsafe(size);
  let at = 0;
  scan(message, field, (from, to) => {
    merged.set(message.subarray(from, to), at);
    at += to - from;
  });
  return merged;
}

/** The values of a field, serialized as values of the field `as`. */
export function copiedFields(message: Uint8Array, field: number, as: number): Buffer {
  const { count, serialized, start, end } = measured(message, field, as);
  if (count < 2) return count === 0 ? Buffer.alloc(0) : lengthDelimited(as, message.subarray(start, end));
  const out = Buffer.allocUnsafe(serialized);
  let at = 0;
  scan(message, field, (from, to) => {
    at = writeLengthDelimitedHead(out, at, as, to - from);
    out.set(message.subarray(from, to), at);
    at += to - from;
  });
  return out;
}

/** Values of a repeated string field, serialized. */
export function stringFields(field: number, texts: Iterable<string>): Buffer {
  let size = 0;
  for (const text of texts) size += lengthDelimitedSize(field, Buffer.byteLength(text));
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  for (const text of texts) {
    at = writeLengthDelimitedHead(out, at, field, Buffer.byteLength(text));
    at += out.write(text, at, "utf8");
  }
  return out;
}

/** How many values a field has, their bytes together, those of them as fields `as`, and where the last of them lies. */
function measured(message: Uint8Array, field: number, as = field) {
  const found = { count: 0, size: 0, serialized: 0, start: 0, end: 0 };
  scan(message, field, (start, end) => {
    found.count++;
    found.size += end - start;
    found.serialized += lengthDelimitedSize(as, end - start);
    found.start = start;
    found.end = end;
  });
  return found;
}

function scan(message: Uint8Array, field: number, visit: (start: number, end: number) => void): void {
  const reader = new ProtoReader(message);
  while (reader.next()) {
    if (reader.field !== field || reader.wireType !== LENGTH_DELIMITED) continue;
    const start = reader.bytesStart();
    visit(start, reader.position);
  }
}
