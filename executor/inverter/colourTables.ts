import { ImageError } from "./imageError.js";

/**
 * Images with a palette keep their pixels as they are, and get the colours of the palette inverted. That
 * is exact, where quantizing the inverted pixels into a new palette would not be, and it keeps everything else: frames,
 * delays, transparency, interlacing, comments.
 */

/** Inverts all colour tables of a GIF. The input is not changed. @throws ImageError */
export function invertGifTables(input: Buffer): Buffer {
  const out = Buffer.from(input);
  const flags = byteAt(out, 10);
  let at = 13;
  let tables = 0;
  const invertTable = (packed: number) => {
    if ((packed & 0x80) === 0) return;
    const bytes = 3 * 2 ** ((packed & 7) + 1);
    invertBytes(out, at, bytes);
    at += bytes;
    tables += 1;
  };
  invertTable(flags);
  for (;;) {
    const block = byteAt(out, at++);
    if (block === 0x3b) break;
    if (block === 0x21) {
      at = skipSubBlocks(out, at + 1);
    } else if (block === 0x2c) {
      const packed = byteAt(out, at + 8);
      at += 9;
      invertTable(packed);
      at = skipSubBlocks(out, at + 1);
    } else {
      throw new ImageError(`broken image: the GIF has an unknown block 0x${block.toString(16)}`);
    }
  }
  if (tables === 0) throw new ImageError("broken image: the GIF has no colour table");
  return out;
}

function skipSubBlocks(data: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const length = byteAt(data, at);
    at += 1 + length;
    if (length === 0) return at;
  }
}

function byteAt(data: Buffer, at: number): number {
  const byte = data[at];
  if (byte === undefined) throw new ImageError("broken image: the GIF ends too early");
  return byte;
}

function invertBytes(data: Buffer, from: number, length: number): void {
  if (from + length > data.length) throw new ImageError("broken image: it ends within its palette");
  for (let at = from; at < from + length; at++) data[at] = 255 - (data[at] ?? 0);
}

/** A chunk of a PNG: where its data is. */
interface PngChunk {
  type: string;
  at: number;
  length: number;
}

/** The chunks of a PNG up to the pixels, and whether it moves. @throws ImageError */
export function pngChunks(input: Buffer): PngChunk[] {
  const chunks: PngChunk[] = [];
  let at = 8;
  while (at + 12 <= input.length) {
    const length = input.readUInt32BE(at);
    const type = input.toString("latin1", at + 4, at + 8);
    chunks.push({ type, at: at + 8, length });
    if (type === "IDAT" || type === "IEND") return chunks;
    at += 12 + length;
  }
  throw new ImageError("broken image: the PNG ends before its pixels");
}

/** Inverts the palette of a PNG. The input is not changed. @throws ImageError */
export function invertPngPalette(input: Buffer): Buffer {
  const palette = pngChunks(input).find(({ type }) => type === "PLTE");
  if (!palette) throw new ImageError("broken image: the PNG has no palette");
  const out = Buffer.from(input);
  invertBytes(out, palette.at, palette.length);
  out.writeUInt32BE(crc32(out.subarray(palette.at - 4, palette.at + palette.length)), palette.at + palette.length);
  return out;
}

/** As in RFC 2083. Node's own is younger than the Node that an agent may have; palettes are small. */
function crc32(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
