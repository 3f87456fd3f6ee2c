import { ImageError } from "../imageError.js";
import type { Turns } from "../turns.js";
import { chunkOf } from "./chunks.js";
import { Deflater } from "./deflater.js";
import type { PngHeader } from "./header.js";
import { inflated } from "./inflated.js";
import { LargestIndex } from "./paletteIndices.js";
import { Rows } from "./rows.js";
import type { Survey } from "./survey.js";

/** Of the compressed pixels, which come in parts of 256 kB at most. */
const PARTS_A_CHUNK = 8;

/**
 * Inverts a PNG without decoding it into an image: each row keeps its filter, and each chunk its place and, but for
 * colours, its bytes. Left out are chunks of unknown types that are not safe to copy into a changed picture, as the
 * PNG specification has it, and metadata with a wrong CRC, which viewers pass over. With a palette the colours of the
 * palette are inverted, and the pixels stay.
 *
 * @throws ImageError for what is broken, or is of a kind that is not supported
 */
export async function invertPng(work: PngWork): Promise<Buffer> {
  const { input, header, found } = work;
  if (!header.palette) return Buffer.concat([...found.before, ...(await invertedPixels(work)), ...found.after]);
  const colours = await usedColours(work);
  const pixels = input.subarray(found.pixelsFrom, found.pixelsTo);
  return Buffer.concat([...withColours(found, colours), pixels, ...found.after]);
}

/** The chunks with the pixels inverted. */
async function invertedPixels(work: PngWork): Promise<Buffer[]> {
  const deflater = new Deflater();
  try {
    for await (const block of invertedBlocks(work, new Rows(work.header))) await deflater.write(block);
    return await pixelChunks(await deflater.end(), work.turns);
  } finally {
    deflater.close();
  }
}

/** Some parts together, since zlib's first one has two bytes. */
async function pixelChunks(parts: readonly Buffer[], turns: Turns): Promise<Buffer[]> {
  const chunks: Buffer[][] = [];
  for (let i = 0; i < parts.length; i += PARTS_A_CHUNK) {
    const some = parts.slice(i, i + PARTS_A_CHUNK);
    chunks.push(chunkOf("IDAT", some));
    if (turns.isDue(some.reduce((sum, { length }) => sum + length, 0))) await turns.next();
  }
  return chunks.flat();
}

/**
 * How many colours the palette needs. The pixels stay as they are, but have to be there: a broken image must not pass. Of other
 * frames than the first one, the pixels may have any colour.
 */
async function usedColours(work: PngWork): Promise<number> {
  const { header, found } = work;
  const most = 2 ** header.depth;
  const isShort = (found.palette?.colours.length ?? 0) < 3 * most;
  const largest = isShort ? new LargestIndex(header) : undefined;
  for await (const _ of invertedBlocks(work, new Rows(header, largest?.see)));
  return found.animated ? most : (largest?.index ?? 0) + 1;
}

/** Viewers show black what lies beyond the palette's end: white has to be there, then. */
function withColours({ before, palette }: Survey, colours: number): Buffer[] {
  const missing = 3 * colours - (palette?.colours.length ?? 0);
  if (!palette || missing <= 0) return before;
  const longer = Buffer.concat(chunkOf("PLTE", [palette.colours, Buffer.alloc(missing, 255)]));
  return before.map((part, i) => (i === palette.part ? longer : part));
}

export interface PngWork {
  input: Buffer;
  header: PngHeader;
  found: Survey;
  turns: Turns;
}

/** What comes after the last pixel is no part of the picture: no viewer shows it, and it is not read. */
async function* invertedBlocks({ input, found, turns }: PngWork, rows: Rows): AsyncGenerator<Buffer> {
  for await (const block of inflated(input, found.pixelsFrom, found.pixelsTo)) {
    await turns.next();
    const used = rows.take(block);
    if (used > 0) yield block.subarray(0, used);
    if (used < block.length) return;
  }
  if (!rows.done) throw new ImageError("broken image: the PNG has fewer pixels than its header says");
}
