/** Values of a protobuf message by where they stand. They were read before, so that they are known to be whole. */

/** How many bits a varint of a type has, and whether a negative one repeats its sign up to the 64th. */
export interface VarintBits {
  readonly bits: 32 | 64;
  readonly signed: boolean;
}

const MAX_VARINT_BYTES = 10;
/** Bit 63 comes in the tenth byte; more would be bits that some readers drop and others count. */
const MAX_LAST_BYTE = 0x01;

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

/** The little-endian double at `position`. */
export function doubleAt(buffer: Uint8Array, position: number): number {
  for (let i = 0; i < 8; i++) doubleBytes[i] = buffer[position + i] as number;
  return double[0] as number;
}

/** The low 32 bits of the varint at `position`, signed. */
export function int32At(buffer: Uint8Array, position: number): number {
  let result = 0;
  for (let at = position, shift = 0; shift < 32; shift += 7) {
    const byte = buffer[at++] as number;
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return result;
}

/** The signed 64-bit varint at `position`: rounded beyond 2^53, its sign right. */
export function int64At(buffer: Uint8Array, position: number): number {
  let low = 0;
  let high = 0;
  for (let at = position, shift = 0; shift < 64; shift += 7) {
    const byte = buffer[at++] as number;
    const bits = byte & 0x7f;
    if (shift < 32) low |= bits << shift;
    if (shift >= 28) high |= shift === 28 ? bits >> 4 : bits << (shift - 32);
    if (byte < 0x80) break;
  }
  return high * 2 ** 32 + (low >>> 0);
}

/** The unsigned 64-bit varint at `position`, exact. */
export function uint64At(buffer: Uint8Array, position: number): bigint {
  const rounded = int64At(buffer, position);
  if (rounded >= 0 && rounded <= Number.MAX_SAFE_INTEGER) return BigInt(rounded);
  let exact = 0n;
  for (let at = position, shift = 0n; shift < 64n; shift += 7n) {
    const byte = buffer[at++] as number;
    exact |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return BigInt.asUintN(64, exact);
}

/** Whether the varint from `start` to `end` is one that a type of so many bits has. */
export function varintFits(buffer: Uint8Array, start: number, end: number, { bits, signed }: VarintBits): boolean {
  const last = end - start === MAX_VARINT_BYTES ? (buffer[end - 1] as number) : 0;
  if (last > MAX_LAST_BYTE) return false;
  if (bits === 64) return true;
  const value = int64At(buffer, start);
  return signed ? value >= -(2 ** 31) && value < 2 ** 31 : value >= 0 && value < 2 ** 32;
}
