/**
 * Protobuf at wire level: reads and splices messages without decoding them, so that
 * what this program does not know passes through byte for byte.
 */

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const FIXED32 = 5;
const GROUP_START = 3;
const GROUP_END = 4;
const MAX_GROUP_DEPTH = 100;
const MAX_FIELD_NUMBER = 0x1fffffff;

/** The bytes are not a protobuf message. */
export class WireError extends Error {
  override readonly name = "WireError";
}

/**
 * A cursor over the fields of one message. `next()` moves to a field; then its value is
 * taken with the method of its wire type, or passed over by the next `next()`.
 */
export class ProtoReader {
  readonly buffer: Uint8Array;
  /** Where the cursor stands, from the start of `buffer`. */
  position: number;
  readonly end: number;
  field = 0;
  wireType = 0;
  /** Where the tag of the current field starts. */
  fieldStart = 0;
  #valueTaken = true;

  constructor(buffer: Uint8Array, start = 0, end = buffer.length) {
    this.buffer = buffer;
    this.position = start;
    this.end = end;
  }

  /** Moves to the next field. False at the end of the message. @throws WireError */
  next(): boolean {
    if (!this.#valueTaken) this.skip();
    if (this.position >= this.end) return false;
    this.fieldStart = this.position;
    const tag = this.#tag();
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    this.#valueTaken = false;
    return true;
  }

  /** Moves to the next length-delimited field of that number. False if there is none. @throws WireError */
  seek(field: number): boolean {
    while (this.next()) if (this.field === field && this.wireType === LENGTH_DELIMITED) return true;
    return false;
  }

  /** The current field's varint. Exact up to 2^53; larger ones are rounded. @throws WireError */
  varint(): number {
    this.#expect(VARINT);
    return this.#varint();
  }

  /** The current field's varint, exact: a uint64. @throws WireError */
  uint64(): bigint {
    const start = this.position;
    const rounded = this.varint();
    if (Number.isSafeInteger(rounded)) return BigInt(rounded);
    let exact = 0n;
    for (let i = this.position - 1; i >= start; i--) exact = (exact << 7n) | BigInt((this.buffer[i] as number) & 0x7f);
    return BigInt.asUintN(64, exact);
  }

  bool(): boolean {
    return this.varint() !== 0;
  }

  /** The current field's bytes, as a view. @throws WireError */
  bytes(): Uint8Array {
    const start = this.bytesStart();
    return this.buffer.subarray(start, this.position);
  }

  /** Where the current field's bytes start; they end at `position`. @throws WireError */
  bytesStart(): number {
    this.#expect(LENGTH_DELIMITED);
    const length = this.#varint();
    const start = this.position;
    if (length > this.end - start) throw new WireError("truncated message");
    this.position = start + length;
    return start;
  }

  string(): string {
    return utf8(this.bytes());
  }

  double(): number {
    this.#expect(FIXED64);
    const start = this.position;
    this.#advance(8);
    return new DataView(this.buffer.buffer, this.buffer.byteOffset + start, 8).getFloat64(0, true);
  }

  /** A reader over the current field's submessage. @throws WireError */
  message(): ProtoReader {
    const start = this.bytesStart();
    return new ProtoReader(this.buffer, start, this.position);
  }

  /** Passes over the current field's value. @throws WireError */
  skip(): void {
    this.#valueTaken = true;
    this.#skipValue(this.wireType, this.field, 0);
  }

  /** The current field with its tag, after its value was taken or skipped. */
  rawField(): Uint8Array {
    if (!this.#valueTaken) this.skip();
    return this.buffer.subarray(this.fieldStart, this.position);
  }

  #skipValue(wireType: number, field: number, depth: number): void {
    if (wireType === VARINT) this.#varint();
    else if (wireType === LENGTH_DELIMITED) this.#advance(this.#varint());
    else if (wireType === FIXED64) this.#advance(8);
    else if (wireType === FIXED32) this.#advance(4);
    else if (wireType === GROUP_START) this.#skipGroup(field, depth + 1);
    else throw new WireError(`invalid wire type ${wireType}`);
  }

  #skipGroup(field: number, depth: number): void {
    if (depth > MAX_GROUP_DEPTH) throw new WireError("groups are nested too deeply");
    while (this.position < this.end) {
      const tag = this.#tag();
      const inner = Math.floor(tag / 8);
      if (tag % 8 !== GROUP_END) this.#skipValue(tag % 8, inner, depth);
      else if (inner === field) return;
      else throw new WireError("group ends with another field's end");
    }
    throw new WireError("truncated message");
  }

  #expect(wireType: number): void {
    if (this.wireType !== wireType) throw new WireError(`field ${this.field} has wire type ${this.wireType}`);
    this.#valueTaken = true;
  }

  #advance(bytes: number): void {
    if (bytes > this.end - this.position) throw new WireError("truncated message");
    this.position += bytes;
  }

  #tag(): number {
    const tag = this.#varint();
    const field = Math.floor(tag / 8);
    if (field === 0 || field > MAX_FIELD_NUMBER) throw new WireError("invalid field number");
    return tag;
  }

  #varint(): number {
    let result = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      if (this.position >= this.end) throw new WireError("truncated message");
      const byte = this.buffer[this.position++] as number;
      result += (byte & 0x7f) * factor;
      if (byte < 0x80) return result;
      factor *= 128;
    }
    throw new WireError("varint of more than 10 bytes");
  }
}

/** The text that the bytes hold as UTF-8. */
export function utf8(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString("utf8");
}

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
