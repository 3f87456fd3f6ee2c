import { promisify } from "node:util";
import { deflate, inflate, constants as zlib } from "node:zlib";
import type { Turns } from "../turns.js";
import { decodeLzw, encodeLzw } from "./lzw.js";

const inflateAsync = promisify<Buffer, object, Buffer>(inflate);
const deflateAsync = promisify<Buffer, object, Buffer>(deflate);

export type TiffCodec = "packbits" | "lzw" | "deflate";

/** Decodes a strip or a tile. Undefined where it is damaged or holds less than is expected of it. */
export async function decodeSegment(
  codec: TiffCodec,
  input: Buffer,
  expected: number,
  turns: Turns,
): Promise<Buffer | undefined> {
  const decoded =
    codec === "lzw"
      ? await decodeLzw(input, expected, turns)
      : codec === "deflate"
        ? await inflateSegment(input, expected)
        : decodePackBits(input, expected);
  return decoded === undefined || decoded.length < expected ? undefined : decoded.subarray(0, expected);
}

/** @param rowBytes PackBits begins anew with each row */
export async function encodeSegment(codec: TiffCodec, data: Buffer, rowBytes: number, turns: Turns): Promise<Buffer> {
  if (codec === "lzw") return await encodeLzw(data, turns);
  if (codec === "deflate") return await deflateAsync(data, { level: 6 });
  return encodePackBits(data, rowBytes);
}

async function inflateSegment(input: Buffer, expected: number): Promise<Buffer | undefined> {
  try {
    // Some strips hold more than their rows: what the last one of an image has room for.
    const maxOutputLength = Math.max(expected * 2, expected + 65_536);
    return await inflateAsync(input, { maxOutputLength, finishFlush: zlib.Z_SYNC_FLUSH });
  } catch {
    return undefined;
  }
}

function decodePackBits(input: Buffer, expected: number): Buffer {
  const out = Buffer.allocUnsafe(expected);
  let [at, written] = [0, 0];
  while (at < input.length && written < expected) {
    const head = input.readInt8(at++);
    if (head >= 0) {
      const copied = input.copy(out, written, at, Math.min(input.length, at + head + 1));
      at += head + 1;
      written += copied;
    } else if (head !== -128 && at < input.length) {
      const end = Math.min(expected, written + 1 - head);
      out.fill(input[at++] ?? 0, written, end);
      written = end;
    }
  }
  return out.subarray(0, written);
}

function encodePackBits(data: Buffer, rowBytes: number): Buffer {
  const out = Buffer.allocUnsafe(data.length + Math.ceil(rowBytes / 128) * Math.ceil(data.length / rowBytes));
  let written = 0;
  for (let row = 0; row < data.length; row += rowBytes) {
    written = encodePackBitsRow(data.subarray(row, row + rowBytes), out, written);
  }
  return Buffer.from(out.subarray(0, written));
}

function encodePackBitsRow(row: Buffer, out: Buffer, from: number): number {
  let [at, written] = [0, from];
  while (at < row.length) {
    const run = runLength(row, at);
    if (run >= 2) {
      out.writeInt8(1 - run, written);
      out[written + 1] = row[at] ?? 0;
      written += 2;
      at += run;
      continue;
    }
    let end = at + 1;
    // A run of two within other bytes saves nothing.
    while (end < row.length && end - at < 128 && runLength(row, end) < 3) end += 1;
    out[written++] = end - at - 1;
    written += row.copy(out, written, at, end);
    at = end;
  }
  return written;
}

function runLength(row: Buffer, at: number): number {
  let end = at + 1;
  while (end < row.length && end - at < 128 && row[end] === row[at]) end += 1;
  return end - at;
}
