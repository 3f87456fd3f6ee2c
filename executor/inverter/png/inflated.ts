import { Readable } from "node:stream";
import { createInflate } from "node:zlib";
import { ImageError } from "../imageError.js";
import { type Pixels, SEQUENCE_BYTES } from "./animation.js";
import { chunkAt } from "./chunks.js";

/** Two milliseconds of work for what is done with it. Smaller blocks cost more, since each goes to another thread and back. */
const BLOCK_BYTES = 512 * 1024;
/** zlib takes no smaller ones, and where all fits into the first one, no second one is made. */
const MIN_BLOCK_BYTES = 64;

/**
 * The bytes that a picture or a frame has compressed, in blocks that may be changed. zlib works on threads of its own, and no
 * further ahead than a block.
 *
 * @param bytes  how many are expected
 * @throws ImageError if they are not what zlib makes
 */
export async function* inflated(input: Buffer, pixels: Pixels, bytes: number): AsyncGenerator<Buffer> {
  const source = Readable.from(chunkData(input, pixels));
  const inflate = createInflate({ chunkSize: Math.min(BLOCK_BYTES, bytes + MIN_BLOCK_BYTES) });
  try {
    for await (const block of source.pipe(inflate)) yield block;
  } catch (error) {
    throw explain(error, pixels.name);
  } finally {
    source.destroy();
    inflate.destroy();
  }
}

/** Small chunks together: each write to zlib costs as much as a few kB. */
function* chunkData(input: Buffer, { type, ranges }: Pixels): Generator<Buffer> {
  const before = type === "fdAT" ? SEQUENCE_BYTES : 0;
  let small: Buffer[] = [];
  let bytes = 0;
  for (const { from, to } of ranges) {
    for (let at = from; at < to; ) {
      const { dataFrom, dataTo, end } = chunkAt(input, at);
      at = end;
      if (dataFrom + before === dataTo) continue;
      small.push(input.subarray(dataFrom + before, dataTo));
      bytes += dataTo - dataFrom - before;
      if (bytes < BLOCK_BYTES) continue;
      yield joined(small);
      small = [];
      bytes = 0;
    }
  }
  if (bytes > 0) yield joined(small);
}

/** Without a copy of a single one. */
function joined(parts: readonly Buffer[]): Buffer {
  const [first] = parts;
  return first && parts.length === 1 ? first : Buffer.concat(parts);
}

function explain(error: unknown, name: string): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  if (error.code === "Z_BUF_ERROR") {
    return new ImageError(`broken image: the compressed pixels of ${name} end too early`, { cause: error });
  }
  const broken = error.code === "Z_DATA_ERROR" || error.code === "Z_NEED_DICT";
  return broken
    ? new ImageError(`broken image: the compressed pixels of ${name} are damaged (${error.message})`, { cause: error })
    : error;
}
