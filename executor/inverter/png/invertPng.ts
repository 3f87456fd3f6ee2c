import { ImageError } from "../imageError.js";
import type { Turns } from "../turns.js";
import type { Pixels } from "./animation.js";
import { chunkOf } from "./chunks.js";
import { Deflater } from "./deflater.js";
import type { PngHeader } from "./header.js";
import { inflated } from "./inflated.js";
import { LargestIndex } from "./paletteIndices.js";
import { Rows } from "./rows.js";
import type { Survey } from "./survey.js";

/** Of the compressed pixels, which come in parts of 256 kB at most. */
const PARTS_A_CHUNK = 8;

export interface PngWork {
  input: Buffer;
  header: PngHeader;
  found: Survey;
  turns: Turns;
}

/**
 * Inverts a PNG without decoding it into an image: each row keeps its filter, each frame its place and time, and each chunk its
 * place and, but for colours, its bytes. Left out are chunks of unknown types that are not safe to copy into a changed picture, as
 * the PNG specification has it, and metadata with a wrong CRC, which viewers pass over. With a palette the colours of the
 * palette are inverted, and the pixels stay.
 *
 * @throws ImageError for what is broken, or is of a kind that is not supported
 */
export async function invertPng(work: PngWork): Promise<Buffer> {
  const colours = work.header.palette ? await usedColours(work) : 0;
  const out: Buffer[][] = [];
  // fcTL and fdAT chunks are numbered through.
  const numbers = new Numbers();
  for (const part of work.found.parts) {
    if (part.kind === "bytes") out.push([part.bytes]);
    else if (part.kind === "palette") out.push(chunkOf("PLTE", [longer(part.colours, colours)]));
    else if (part.kind === "control") out.push(chunkOf("fcTL", [numbers.next(), part.data.subarray(4)]));
    else out.push(await pixelChunks(await invertedPixels(work, part.pixels), part.pixels, numbers, work.turns));
  }
  return Buffer.concat(out.flat());
}

class Numbers {
  #next = 0;

  next(): Buffer {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(this.#next++);
    return number;
  }
}

/** The pixels inverted and compressed. */
async function invertedPixels(work: PngWork, pixels: Pixels): Promise<Buffer[]> {
  const rows = rowsOf(work, pixels);
  const deflater = new Deflater(rows.bytes);
  try {
    for await (const block of invertedBlocks(work, pixels, rows)) await deflater.write(block);
    return await deflater.end();
  } finally {
    deflater.close();
  }
}

/** Some parts together, since zlib's first one has two bytes. */
async function pixelChunks(
  parts: readonly Buffer[],
  { type }: Pixels,
  numbers: Numbers,
  turns: Turns,
): Promise<Buffer[]> {
  const chunks: Buffer[][] = [];
  for (let i = 0; i < parts.length; i += PARTS_A_CHUNK) {
    const some = parts.slice(i, i + PARTS_A_CHUNK);
    chunks.push(chunkOf(type, type === "fdAT" ? [numbers.next(), ...some] : some));
    if (turns.isDue(some.reduce((sum, { length }) => sum + length, 0))) await turns.next();
  }
  return chunks.flat();
}

/** How many colours the palette needs. The pixels stay as they are, but have to be there: a broken image must not pass. */
async function usedColours(work: PngWork): Promise<number> {
  const largest = new LargestIndex(work.header);
  const palette = work.found.parts.find(({ kind }) => kind === "palette");
  const isShort = palette?.kind === "palette" && palette.colours.length < 3 * 2 ** work.header.depth;
  for (const pixels of work.found.pixels) {
    const rows = rowsOf(work, pixels, isShort ? largest : undefined);
    for await (const _ of invertedBlocks(work, pixels, rows));
  }
  return isShort ? largest.index + 1 : 0;
}

/** Viewers show black what lies beyond the palette's end: white has to be there, then. */
function longer(palette: Buffer, colours: number): Buffer {
  return Buffer.concat([palette, Buffer.alloc(Math.max(0, 3 * colours - palette.length), 255)]);
}

function rowsOf({ header }: PngWork, { name, width, height }: Pixels, largest?: LargestIndex): Rows {
  return new Rows({ ...header, width, height }, name, largest?.see);
}

/** What comes after the last pixel is not part of the picture: no viewer shows it, and it is not read. */
async function* invertedBlocks({ input, turns }: PngWork, pixels: Pixels, rows: Rows): AsyncGenerator<Buffer> {
  for await (const block of inflated(input, pixels, rows.bytes)) {
    await turns.next();
    const used = rows.take(block);
    if (used > 0) yield block.subarray(0, used);
    if (used < block.length) return;
  }
  if (!rows.done) throw new ImageError(`broken image: ${pixels.name} has fewer pixels than its header says`);
}
