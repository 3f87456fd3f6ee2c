import { ImageError } from "../imageError.js";

/** A chunk of a WebP, and where its content is. */
export interface WebpChunk {
  type: string;
  from: number;
  to: number;
}

const MAX_CHUNKS = 100_000;

/** A whole WebP, with what follows it, which no program reads. */
export interface WebpFile {
  data: Buffer;
  chunks: WebpChunk[];
  tail: Buffer;
}

/** @throws ImageError */
export function readWebpFile(input: Buffer): WebpFile {
  const { webp: data, tail } = splitWebp(input);
  return { data, chunks: readWebp(data), tail };
}

/** The chunks of a WebP that is as long as it says. @throws ImageError */
export function readWebp(data: Buffer): WebpChunk[] {
  return chunksIn(data, 12, Math.min(endOf(data), data.length));
}

/**
 * The WebP itself, and what follows it, which no program reads. A last byte that only makes the length even may be missing:
 * it is there afterwards.
 *
 * @throws ImageError for one that ends early
 */
function splitWebp(data: Buffer): { webp: Buffer; tail: Buffer } {
  const end = endOf(data);
  const missing = end - data.length;
  if (missing > 1) throw new ImageError("broken image: the WebP ends too early");
  const webp = missing === 1 ? Buffer.concat([data, Buffer.alloc(1)]) : data.subarray(0, end);
  return { webp, tail: data.subarray(end) };
}

/** As the file says it. */
function endOf(data: Buffer): number {
  return data.length < 12 ? Number.POSITIVE_INFINITY : 8 + data.readUInt32LE(4);
}

export function chunksIn(data: Buffer, from: number, end: number): WebpChunk[] {
  const chunks: WebpChunk[] = [];
  for (let at = from; at + 8 <= end; ) {
    const length = data.readUInt32LE(at + 4);
    const chunk = { type: data.toString("latin1", at, at + 4), from: at + 8, to: at + 8 + length };
    if (chunk.to > end) throw new ImageError(`broken image: the WebP ends within its chunk '${chunk.type}'`);
    chunks.push(chunk);
    if (chunks.length > MAX_CHUNKS) throw new ImageError(`has more than ${MAX_CHUNKS} chunks, which is not supported`);
    at = chunk.to + (length % 2);
  }
  return chunks;
}

export function makeChunk(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, "latin1");
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
}

/** A file of whole chunks. */
export function makeWebp(chunks: Buffer[]): Buffer {
  const riff = Buffer.from("RIFF\0\0\0\0WEBP", "latin1");
  riff.writeUInt32LE(
    chunks.reduce((sum, chunk) => sum + chunk.length, 4),
    4,
  );
  return Buffer.concat([riff, ...chunks]);
}

/** The content of a frame of an animation, after what it says about its place and time. */
export const FRAME_HEAD = 16;

const DELAY_AT = 12;
const DELAY_BYTES = 3;

/** In milliseconds, of each frame of an animation, as the file says it: decoders tell 100 for those up to 10. */
export function frameDelays(data: Buffer, chunks: readonly WebpChunk[]): number[] {
  return framesAmong(chunks).map(({ from }) => data.readUIntLE(from + DELAY_AT, DELAY_BYTES));
}

/** Writes the delays of an animation with as many frames. */
export function setFrameDelays(data: Buffer, delays: readonly number[]): void {
  for (const [i, { from }] of framesAmong(readWebp(data)).entries()) {
    data.writeUIntLE(delays[i] ?? 0, from + DELAY_AT, DELAY_BYTES);
  }
}

export function framesAmong(chunks: readonly WebpChunk[]): WebpChunk[] {
  const frames = chunks.filter(({ type }) => type === "ANMF");
  if (frames.every(({ from, to }) => to - from >= FRAME_HEAD)) return frames;
  throw new ImageError("broken image: the WebP has a frame without its head");
}

/** True if every frame is lossless. */
export function isLossless(data: Buffer, chunks: readonly WebpChunk[]): boolean {
  const kinds = new Set<string>();
  for (const { type, from, to } of chunks) {
    kinds.add(type);
    if (type === "ANMF") for (const inner of chunksIn(data, from + FRAME_HEAD, to)) kinds.add(inner.type);
  }
  return kinds.has("VP8L") && !kinds.has("VP8 ");
}
