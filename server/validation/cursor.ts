import { isUtf8 } from "node:buffer";
import { FIXED32, FIXED64, LENGTH_DELIMITED, VARINT } from "../../wire/proto.js";

const GROUP_START = 3;
const GROUP_END = 4;

/** Mesos's parser, as protobuf's own by default, refuses messages and groups that are nested deeper than this. */
export const MAX_DEPTH = 100;

const MAX_VARINT_BYTES = 10;
/** Bits 28 to 31 of a tag come in its fifth byte; more would be a field number that protobuf does not have. */
const MAX_TAG_BYTES = 5;
const MAX_TAG_LAST_BYTE = 0x0f;
/** Below this a loop over the bytes is cheaper than a view and a call. */
const SHORT_TEXT = 48;

/** The bytes are not protobuf. The message is to be read after a field's path. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

/** How many bits a varint of a type has, and whether a negative one repeats its sign up to the 64th. */
export interface VarintBits {
  readonly bits: 32 | 64;
  readonly signed: boolean;
}

/** Bit 63 comes in the tenth byte; more would be bits that some readers drop and others count. */
const MAX_LAST_BYTE = 0x01;

const NOTHING = new Uint8Array(0);

/**
 * Reads protobuf by positions in a buffer and allocates nothing: unlike `ProtoReader` it makes no view and no
 * object for a field. All methods throw `Malformed` where the bytes are not protobuf.
 */
export class Cursor {
  buffer: Uint8Array = NOTHING;
  position = 0;
  readonly #double = new Float64Array(1);
  readonly #doubleBytes = new Uint8Array(this.#double.buffer);

  /** Lets go of the buffer. */
  reset(): void {
    this.buffer = NOTHING;
    this.position = 0;
  }

  /** The tag at the cursor: eight times the field number, plus the wire type. */
  tag(end: number): number {
    const first = this.buffer[this.position] as number;
    if (first < 0x80 && first >= 8) {
      this.position++;
      return first;
    }
    const start = this.position;
    const tag = this.varint(end) >>> 0;
    const length = this.position - start;
    const last = this.buffer[this.position - 1] as number;
    if (tag < 8) throw new Malformed("is malformed: it has a field of number 0");
    if (length > MAX_TAG_BYTES || (length === MAX_TAG_BYTES && last > MAX_TAG_LAST_BYTE)) {
      throw new Malformed("is malformed: it has a field number that is too large");
    }
    return tag;
  }

  /** The low 32 bits of the varint at the cursor, signed: what protobuf takes for an enum or an int32. */
  varint(end: number): number {
    let result = 0;
    let position = this.position;
    const limit = Math.min(end, position + MAX_VARINT_BYTES);
    for (let shift = 0; position < limit; shift += 7) {
      const byte = this.buffer[position++] as number;
      if (shift < 32) result |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.position = position;
        return result;
      }
    }
    throw new Malformed(
      limit === end && limit < this.position + MAX_VARINT_BYTES
        ? "is malformed: it ends in the middle of a number"
        : `is malformed: it has a number of more than ${MAX_VARINT_BYTES} bytes`,
    );
  }

  /** Reads the length at the cursor and gives where the value that follows ends. */
  lengthEnd(end: number): number {
    const start = this.position;
    const low = this.varint(end);
    // Five bytes can hold more than 32 bits; with a fifth byte of less than 8 they don't, nor are they negative.
    const tooLong = this.position - start >= 5 && this.#exceeds31Bits(start);
    const valueEnd = this.position + low;
    if (tooLong || low < 0 || valueEnd > end) {
      throw new Malformed("is malformed: it is cut off, or its length is wrong");
    }
    return valueEnd;
  }

  /** Passes over the value of an unknown field. `depth` is that of the message around it. */
  skip(tag: number, end: number, depth: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint(end);
        return;
      case FIXED64:
        this.advance(8, end);
        return;
      case LENGTH_DELIMITED:
        this.position = this.lengthEnd(end);
        return;
      case FIXED32:
        this.advance(4, end);
        return;
      case GROUP_START:
        this.#skipGroup(tag >>> 3, end, depth + 1);
        return;
      case GROUP_END:
        throw new Malformed("is malformed: a group ends that did not start");
      default:
        throw new Malformed(`is malformed: it has a field of wire type ${tag & 7}, which does not exist`);
    }
  }

  advance(bytes: number, end: number): void {
    if (bytes > end - this.position) throw new Malformed("is malformed: it is cut off");
    this.position += bytes;
  }

  /** The little-endian double at `position`. */
  doubleAt(position: number): number {
    for (let i = 0; i < 8; i++) this.#doubleBytes[i] = this.buffer[position + i] as number;
    return this.#double[0] as number;
  }

  /** The low 32 bits of the varint at `position`, which was read before, signed. */
  int32At(position: number): number {
    let result = 0;
    for (let at = position, shift = 0; shift < 32; shift += 7) {
      const byte = this.buffer[at++] as number;
      result |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return result;
  }

  /** Whether the varint at `start`, which was read before and ends at the cursor, is one that a type of so many bits has. */
  fits(start: number, { bits, signed }: VarintBits): boolean {
    const last = this.position - start === MAX_VARINT_BYTES ? (this.buffer[this.position - 1] as number) : 0;
    if (last > MAX_LAST_BYTE) return false;
    if (bits === 64) return true;
    const value = this.int64At(start);
    return signed ? value >= -(2 ** 31) && value < 2 ** 31 : value >= 0 && value < 2 ** 32;
  }

  /** The signed 64-bit varint at `position`, which was read before: rounded beyond 2^53, its sign right. */
  int64At(position: number): number {
    let low = 0;
    let high = 0;
    for (let at = position, shift = 0; shift < 64; shift += 7) {
      const byte = this.buffer[at++] as number;
      const bits = byte & 0x7f;
      if (shift < 32) low |= bits << shift;
      if (shift >= 28) high |= shift === 28 ? bits >> 4 : bits << (shift - 32);
      if (byte < 0x80) break;
    }
    return high * 2 ** 32 + (low >>> 0);
  }

  /** Whether the bytes are UTF-8. */
  isText(start: number, end: number): boolean {
    if (end - start > SHORT_TEXT) return isUtf8(this.buffer.subarray(start, end));
    for (let at = start; at < end; at++) {
      if ((this.buffer[at] as number) >= 0x80) return isUtf8(this.buffer.subarray(at, end));
    }
    return true;
  }

  #exceeds31Bits(start: number): boolean {
    if ((this.buffer[start + 4] as number) & 0x78) return true;
    for (let at = start + 5; at < this.position; at++) if ((this.buffer[at] as number) & 0x7f) return true;
    return false;
  }

  #skipGroup(field: number, end: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new Malformed(`is nested more than ${MAX_DEPTH} levels deep`);
    while (this.position < end) {
      const tag = this.tag(end);
      if ((tag & 7) !== GROUP_END) this.skip(tag, end, depth);
      else if (tag >>> 3 === field) return;
      else throw new Malformed("is malformed: a group ends with another group's end");
    }
    throw new Malformed("is malformed: it is cut off within a group");
  }
}
