/** Protobuf as it stands on the wire: reads messages without decoding them. The one reader of this program. */
import { doubleAt, int32At, uint64At } from "./values.js";

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const FIXED32 = 5;
const GROUP_START = 3;
const GROUP_END = 4;

/** Messages and groups may be nested so deep, as in protobuf's own parsers by default. */
export const MAX_DEPTH = 100;
const MAX_VARINT_BYTES = 10;
/** Bits 28 to 31 of a tag come in its fifth byte; more would be a field number that protobuf does not have. */
const MAX_TAG_BYTES = 5;
const MAX_TAG_LAST_BYTE = 0x0f;

/** The bytes are not a protobuf message. The text says why, as a sentence about the message: "it is cut off". */
export class WireError extends Error {
  override readonly name: string = "WireError";
}

/** More than `MAX_DEPTH` messages or groups lie within each other. */
export class NestingError extends WireError {
  constructor() {
    super(`it is nested more than ${MAX_DEPTH} levels deep`);
  }
}

/**
 * A cursor over the fields of one message. `next()` moves to a field; then its value is
 * taken with the method of its wire type, or passed over by the next `next()`. It makes no object for a field.
 */
export class ProtoReader {
  readonly buffer: Uint8Array;
  /** Where the cursor stands, from the start of `buffer`. */
  position: number;
  /**
   * Where the message ends. A reader of a whole tree goes into a submessage by setting `position` and `end`, once the
   * field's bytes were taken, and comes back in the same way.
   */
  end: number;
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
    const start = this.position;
    if (start >= this.end) return false;
    this.fieldStart = start;
    const first = this.buffer[start] as number;
    let tag = first;
    // Most tags are one byte.
    if (first < 0x80 && first >= 8) this.position = start + 1;
    else tag = this.#tag();
    this.field = tag >>> 3;
    this.wireType = tag & 7;
    this.#valueTaken = false;
    return true;
  }

  /** Moves to the next length-delimited field of that number. False if there is none. @throws WireError */
  seek(field: number): boolean {
    while (this.next()) if (this.field === field && this.wireType === LENGTH_DELIMITED) return true;
    return false;
  }

  /** Moves to the next value of a packed field, if what is read are that field's bytes. False at the end. @throws WireError */
  nextPacked(wireType: number): boolean {
    if (!this.#valueTaken) this.skip();
    if (this.position >= this.end) return false;
    this.wireType = wireType;
    this.#valueTaken = false;
    return true;
  }

  /** The current field's varint. Exact up to 2^53; larger ones are rounded. @throws WireError */
  varint(): number {
    this.#expect(VARINT);
    return this.#varint();
  }

  /** The low 32 bits of the current field's varint, signed: what protobuf takes for an enum or an int32. @throws WireError */
  int32(): number {
    this.#expect(VARINT);
    const start = this.position;
    const first = this.buffer[start] as number;
    if (first < 0x80 && start < this.end) {
      this.position = start + 1;
      return first;
    }
    this.#passVarint();
    return int32At(this.buffer, start);
  }

  /** The current field's varint, exact: a uint64. @throws WireError */
  uint64(): bigint {
    this.#expect(VARINT);
    const start = this.position;
    this.#passVarint();
    return uint64At(this.buffer, start);
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
    if (length > this.end - start) cutOff();
    this.position = start + length;
    return start;
  }

  string(): string {
    return utf8(this.bytes());
  }

  double(): number {
    this.#expect(FIXED64);
    this.#advance(8);
    return doubleAt(this.buffer, this.position - 8);
  }

  /** A reader over the current field's submessage. @throws WireError */
  message(): ProtoReader {
    const start = this.bytesStart();
    return new ProtoReader(this.buffer, start, this.position);
  }

  /**
   * Passes over the current field's value.
   *
   * @param depth how many messages lie around the current one; groups count on from there
   * @throws WireError
   */
  skip(depth = 0): void {
    this.#valueTaken = true;
    this.#skipValue(this.wireType, this.field, depth);
  }

  /** The current field with its tag, after its value was taken or skipped. */
  rawField(): Uint8Array {
    if (!this.#valueTaken) this.skip();
    return this.buffer.subarray(this.fieldStart, this.position);
  }

  #skipValue(wireType: number, field: number, depth: number): void {
    switch (wireType) {
      case VARINT:
        return this.#passVarint();
      case FIXED64:
        return this.#advance(8);
      case LENGTH_DELIMITED:
        return this.#passBytes();
      case FIXED32:
        return this.#advance(4);
      case GROUP_START:
        return this.#skipGroup(field, depth + 1);
      case GROUP_END:
        throw new WireError("a group ends that did not start");
      default:
        throw new WireError(`it has a field of wire type ${wireType}, which does not exist`);
    }
  }

  #passBytes(): void {
    const length = this.#varint();
    if (length > this.end - this.position) cutOff();
    this.position += length;
  }

  #skipGroup(field: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new NestingError();
    while (this.position < this.end) {
      const tag = this.#tag();
      if ((tag & 7) !== GROUP_END) this.#skipValue(tag & 7, tag >>> 3, depth);
      else if (tag >>> 3 === field) return;
      else throw new WireError("a group ends with another group's end");
    }
    throw new WireError("it is cut off within a group");
  }

  #expect(wireType: number): void {
    if (this.wireType !== wireType) this.#otherType();
    this.#valueTaken = true;
  }

  #otherType(): never {
    throw new WireError(`its field ${this.field} has wire type ${this.wireType}`);
  }

  #advance(bytes: number): void {
    if (bytes > this.end - this.position) throw new WireError("it is cut off");
    this.position += bytes;
  }

  /** The tag at the cursor: eight times the field number, plus the wire type. */
  #tag(): number {
    const start = this.position;
    this.#passVarint();
    const length = this.position - start;
    const tag = int32At(this.buffer, start) >>> 0;
    const last = this.buffer[this.position - 1] as number;
    if (length > MAX_TAG_BYTES || (length === MAX_TAG_BYTES && last > MAX_TAG_LAST_BYTE)) {
      throw new WireError("it has a field number that is too large");
    }
    if (tag < 8) throw new WireError("it has a field of number 0");
    return tag;
  }

  #varint(): number {
    const start = this.position;
    const first = this.buffer[start] as number;
    if (first < 0x80 && start < this.end) {
      this.position = start + 1;
      return first;
    }
    return this.#longVarint();
  }

  #longVarint(): number {
    const { buffer } = this;
    const limit = Math.min(this.end, this.position + MAX_VARINT_BYTES);
    let result = 0;
    let factor = 1;
    for (let at = this.position; at < limit; at++) {
      const byte = buffer[at] as number;
      result += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        this.position = at + 1;
        return result;
      }
      factor *= 128;
    }
    return this.#badVarint(limit);
  }

  #passVarint(): void {
    const { buffer } = this;
    const limit = Math.min(this.end, this.position + MAX_VARINT_BYTES);
    let at = this.position;
    while (at < limit && (buffer[at] as number) >= 0x80) at++;
    if (at === limit) this.#badVarint(limit);
    this.position = at + 1;
  }

  #badVarint(limit: number): never {
    const cutOff = limit < this.position + MAX_VARINT_BYTES;
    throw new WireError(
      cutOff ? "it ends in the middle of a number" : `it has a number of more than ${MAX_VARINT_BYTES} bytes`,
    );
  }
}

// Errors are made in functions of their own, so that those that throw them stay small, and V8 puts them into their callers.
function cutOff(): never {
  throw new WireError("it is cut off, or its length is wrong");
}

/** The text that the bytes hold as UTF-8. */
export function utf8(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString("utf8");
}
