import { ImageError } from "./imageError.js";

/**
 * Images with a palette keep their pixels as they are, and get the colours of the palette inverted. That
 * is exact, where quantizing the inverted pixels into a new palette would not be, and it keeps everything else.
 */

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
