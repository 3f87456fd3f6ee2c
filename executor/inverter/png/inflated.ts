import { Readable } from "node:stream";
import { createInflate } from "node:zlib";
import { ImageError } from "../imageError.js";
import { chunkAt } from "./chunks.js";

/** Two milliseconds of work for what is done with it. Smaller blocks cost more, since each goes to another thread and back. */
const BLOCK_BYTES = 512 * 1024;

/**
 * The bytes that the chunks from `from` to `to` of a PNG have compressed, in blocks that may be changed. zlib works on
 * threads of its own, and no further ahead than a block.
 *
 * @throws ImageError if they are not what zlib makes
 */
export async function* inflated(input: Buffer, from: number, to: number): AsyncGenerator<Buffer> {
  const source = Readable.from(chunkData(input, from, to));
  const inflate = createInflate({ chunkSize: BLOCK_BYTES });
  try {
    for await (const block of source.pipe(inflate)) yield block;
  } catch (error) {
    throw explain(error);
  } finally {
    source.destroy();
    inflate.destroy();
  }
}

/** Small chunks together: each write to zlib costs as much as a few kB. */
function* chunkData(input: Buffer, from: number, to: number): Generator<Buffer> {
  let small: Buffer[] = [];
  let bytes = 0;
  for (let at = from; at < to; ) {
    const { dataFrom, dataTo, end } = chunkAt(input, at);
    at = end;
    if (dataFrom === dataTo) continue;
    small.push(input.subarray(dataFrom, dataTo));
    bytes += dataTo - dataFrom;
    if (bytes < BLOCK_BYTES) continue;
    yield Buffer.concat(small);
    small = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(small);
}

function explain(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  if (error.code === "Z_BUF_ERROR") {
    return new ImageError("broken image: the compressed pixels of the PNG end too early", { cause: error });
  }
  const broken = error.code === "Z_DATA_ERROR" || error.code === "Z_NEED_DICT";
  return broken
    ? new ImageError(`broken image: the compressed pixels of the PNG are damaged (${error.message})`, { cause: error })
    : error;
}
