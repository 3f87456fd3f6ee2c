import { setImmediate } from "node:timers/promises";
import type { InvertWork } from "../formatInverter.js";
import { ImageError } from "../imageError.js";
import type { Turns } from "../turns.js";
import { chunkOf } from "./chunks.js";
import { Deflater } from "./deflater.js";
import { type PngHeader, readHeader } from "./header.js";
import { inflated } from "./inflated.js";
import { Pace } from "./pace.js";
import { indexCheck } from "./paletteIndices.js";
import { Rows } from "./rows.js";
import { type Survey, survey } from "./survey.js";

/** Of the compressed pixels, which come in parts of 256 kB at most. */
const PARTS_A_CHUNK = 8;

/**
 * Inverts a PNG without decoding it into an image: each row keeps its filter, and each chunk its place and, but for
 * colours, its bytes. Left out are chunks of unknown types that are not safe to copy into a changed picture, as the
 * PNG specification has it. With a palette the colours of the palette are inverted, and the pixels stay.
 *
 * @throws ImageError for what is broken, or is of a kind that is not supported
 */
export async function invertPng(input: Buffer, { turns }: InvertWork): Promise<Buffer> {
  const header = readHeader(input);
  const found = await survey(input, header);
  const work = { input, header, found, turns };
  const pixels = header.palette ? await checkedPixels(work) : await invertedPixels(work);
  return Buffer.concat([...found.before, ...pixels, ...found.after]);
}

/** The chunks with the pixels inverted. */
async function invertedPixels(work: Work): Promise<Buffer[]> {
  const deflater = new Deflater();
  try {
    for await (const block of invertedBlocks(work, new Rows(work.header))) await deflater.write(block);
    return await pixelChunks(await deflater.end());
  } finally {
    deflater.close();
  }
}

/** Some parts together, since zlib's first one has two bytes. */
async function pixelChunks(parts: readonly Buffer[]): Promise<Buffer[]> {
  const chunks: Buffer[][] = [];
  const pace = new Pace();
  for (let i = 0; i < parts.length; i += PARTS_A_CHUNK) {
    const some = parts.slice(i, i + PARTS_A_CHUNK);
    chunks.push(chunkOf("IDAT", some));
    if (pace.isDue(some.reduce((sum, { length }) => sum + length, 0))) await setImmediate();
  }
  return chunks.flat();
}

/** The pixels as they are; but they have to be there, and to mean something: a broken image must not pass. */
async function checkedPixels(work: Work): Promise<Buffer[]> {
  const { input, header, found } = work;
  const rows = new Rows(header, indexCheck(header, found.paletteColours));
  for await (const _ of invertedBlocks(work, rows));
  return [input.subarray(found.pixelsFrom, found.pixelsTo)];
}

interface Work {
  input: Buffer;
  header: PngHeader;
  found: Survey;
  turns: Turns;
}

/** What comes after the last pixel is no part of the picture: no viewer shows it, and it is not read. */
async function* invertedBlocks({ input, found, turns }: Work, rows: Rows): AsyncGenerator<Buffer> {
  for await (const block of inflated(input, found.pixelsFrom, found.pixelsTo)) {
    await turns.next();
    const used = rows.take(block);
    if (used > 0) yield block.subarray(0, used);
    if (used < block.length) return;
  }
  if (!rows.done) throw new ImageError("broken image: the PNG has fewer pixels than its header says");
}
