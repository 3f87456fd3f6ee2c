/**
 * Protobuf at wire level: reads and splices messages without decoding them, so that
 * what this program does not know passes through byte for byte.
 */
import { FIXED64, LENGTH_DELIMITED, ProtoReader, VARINT } from "./reader.js";

export { FIXED32, FIXED64, LENGTH_DELIMITED, NestingError, ProtoReader, utf8, VARINT, WireError } from "./reader.js";

export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Writes a varint at `at` and returns where it ends. `value` is a whole number from 0 to 2^53. */
export function writeVarint(out: Uint8Array, at: number, value: number): number {
  let position = at;
  let rest = value;
  while (rest >= 128) {
    out[position++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  out[position++] = rest;
  return position;
}

/** Size of a length-delimited field: its tag, its length and `length` bytes. */
export function lengthDelimitedSize(field: number, length: number): number {
  return varintSize(field * 8) + varintSize(length) + length;
}

/** Writes tag and length of a length-delimited field at `at` and returns where its bytes start. */
export function writeLengthDelimitedHead(out: Uint8Array, at: number, field: number, length: number): number {
  return writeVarint(out, writeVarint(out, at, field * 8 + LENGTH_DELIMITED), length);
}

/** A length-delimited field of these bytes. */
export function lengthDelimited(field: number, bytes: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(lengthDelimitedSize(field, bytes.length));
  out.set(bytes, writeLengthDelimitedHead(out, 0, field, bytes.length));
  return out;
}

/** A length-delimited field whose value is the parts' bytes, one after the other: a message of serialized fields. */
export function messageField(field: number, parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = Buffer.allocUnsafe(lengthDelimitedSize(field, length));
  let at = writeLengthDelimitedHead(out, 0, field, length);
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The parts of such a field: its head, and then the value's own, which are not copied. */
export function fieldParts(field: number, parts: readonly Uint8Array[]): Uint8Array[] {
  let length = 0;
  for (const part of parts) length += part.length;
  const head = Buffer.allocUnsafe(lengthDelimitedSize(field, length) - length);
  writeLengthDelimitedHead(head, 0, field, length);
  return [head, ...parts];
}

export function stringField(field: number, text: string): Buffer {
  return lengthDelimited(field, Buffer.from(text, "utf8"));
}

/** A varint field. `value` is a whole number from 0 to 2^53. */
export function varintField(field: number, value: number): Buffer {
  const out = Buffer.allocUnsafe(varintSize(field * 8) + varintSize(value));
  writeVarint(out, writeVarint(out, 0, field * 8 + VARINT), value);
  return out;
}

export function doubleField(field: number, value: number): Buffer {
  const out = Buffer.allocUnsafe(varintSize(field * 8) + 8);
  out.writeDoubleLE(value, writeVarint(out, 0, field * 8 + FIXED64));
  return out;
}

/** Views of all values of the message's length-delimited field `field`, in order. @throws WireError */
export function submessages(message: Uint8Array, field: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = new ProtoReader(message);
  while (reader.next()) {
    if (reader.field === field && reader.wireType === LENGTH_DELIMITED) found.push(reader.bytes());
  }
  return found;
}

/**
 * The serialized fields of a message but those of one number, in order: a view of each run of fields.
 * @throws WireError
 */
export function fieldsExcept(message: Uint8Array, field: number): Uint8Array[] {
  const runs: Uint8Array[] = [];
  let start = 0;
  const reader = new ProtoReader(message);
  while (reader.next()) {
    if (reader.field !== field) continue;
    if (reader.fieldStart > start) runs.push(message.subarray(start, reader.fieldStart));
    reader.skip();
    start = reader.position;
  }
  if (start < message.length) runs.push(message.subarray(start));
  return runs;
}
