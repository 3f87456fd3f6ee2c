import type { Turns } from "../turns.js";

/** Codes of 9 to 12 bits, the first bit in a byte's highest. */
const CLEAR = 256;
const END = 257;
const FIRST = 258;
const MAX_CODES = 4_096;
/** How many codes are read or written until others get their turn. */
const CODES_A_TURN = 1 << 18;

/** Decodes up to `expected` bytes. Undefined where the codes make no sense. */
export async function decodeLzw(input: Buffer, expected: number, turns: Turns): Promise<Buffer | undefined> {
  const out = Buffer.allocUnsafe(expected);
  // Each code stands for bytes that have been written before: where, and how many.
  const start = new Int32Array(MAX_CODES + 1);
  const length = new Int32Array(MAX_CODES + 1);
  let [at, written, hold, held, width] = [0, 0, 0, 0, 9];
  let next = FIRST;
  let previous = -1;
  let previousAt = 0;
  let previousLength = 0;
  for (let n = 1; written < expected; n++) {
    if (n % CODES_A_TURN === 0) await turns.next();
    while (held < width) {
      if (at >= input.length) return out.subarray(0, written);
      hold = ((hold << 8) | (input[at++] ?? 0)) & 0xffffff;
      held += 8;
    }
    held -= width;
    const code = (hold >>> held) & ((1 << width) - 1);
    if (code === END) break;
    if (code === CLEAR) {
      [next, width, previous] = [FIRST, 9, -1];
      continue;
    }
    const from = written;
    if (code < CLEAR) {
      out[written++] = code;
    } else if (code < next && previous >= 0) {
      written = copy(out, start[code] ?? 0, length[code] ?? 0, written);
    } else if (code === next && previous >= 0) {
      written = copy(out, previousAt, previousLength, written);
      if (written < expected) out[written++] = out[previousAt] ?? 0;
    } else {
      return undefined;
    }
    if (previous >= 0 && next < MAX_CODES) {
      // What the last code stands for, and one byte more: it stands there in the output.
      start[next] = previousAt;
      length[next] = previousLength + 1;
      next += 1;
      // The width changes one code early, as TIFF has it.
      if (next + 1 >= 1 << width && width < 12) width += 1;
    }
    previous = code;
    previousAt = from;
    previousLength = written - from;
  }
  return out.subarray(0, written);
}

function copy(out: Buffer, from: number, length: number, to: number): number {
  const end = Math.min(out.length, to + length);
  for (let i = from, at = to; at < end; i++, at++) out[at] = out[i] ?? 0;
  return end;
}

/** Larger than the codes that can be, so that few of them meet. */
const SLOTS = 1 << 14;

export async function encodeLzw(input: Buffer, turns: Turns): Promise<Buffer> {
  // A code is at most 12 bits, and in the worst case there is one for each byte.
  const out = Buffer.allocUnsafe(Math.ceil(input.length * 1.5) + Math.ceil(input.length / 2_000) + 16);
  const keys = new Int32Array(SLOTS).fill(-1);
  const codes = new Uint16Array(SLOTS);
  let [at, hold, held, width] = [0, 0, 0, 9];
  let next = FIRST;
  const put = (code: number) => {
    hold = (hold << width) | code;
    held += width;
    while (held >= 8) {
      held -= 8;
      out[at++] = hold >>> held;
    }
    hold &= (1 << held) - 1;
  };
  put(CLEAR);
  let prefix = input[0] ?? 0;
  for (let i = 1; i < input.length; i++) {
    if (i % CODES_A_TURN === 0) await turns.next();
    const byte = input[i] ?? 0;
    const key = (prefix << 8) | byte;
    let slot = (Math.imul(key, 0x9e3779b1) >>> 18) & (SLOTS - 1);
    while (keys[slot] !== -1 && keys[slot] !== key) slot = (slot + 1) & (SLOTS - 1);
    if (keys[slot] === key) {
      prefix = codes[slot] ?? 0;
      continue;
    }
    put(prefix);
    prefix = byte;
    keys[slot] = key;
    codes[slot] = next++;
    if (next === MAX_CODES - 2) {
      put(CLEAR);
      keys.fill(-1);
      [next, width] = [FIRST, 9];
    } else if (next >= 1 << width) {
      width += 1;
    }
  }
  if (input.length > 0) put(prefix);
  if (next + 1 >= 1 << width && width < 12) width += 1;
  put(END);
  if (held > 0) out[at++] = hold << (8 - held);
  return Buffer.from(out.subarray(0, at));
}
