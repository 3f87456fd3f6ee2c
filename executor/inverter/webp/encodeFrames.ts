import type { WebpOptions } from "sharp";
import type { InvertWork } from "../formatInverter.js";
import { makeChunk, makeWebp, readWebp, type WebpChunk } from "./webpFile.js";

const ANIMATED = 0x02;
const ALPHA = 0x10;
/** The frame replaces what was there before. */
const NO_BLENDING = 0x02;

/**
 * Encodes each frame by itself, as large as the picture. Takes more bytes than the encoder of animations, which makes one
 * frame of neighbours that are equal: here they stay as many as they were.
 */
export async function encodeFrames(
  input: Buffer,
  open: InvertWork["open"],
  { options, delays }: { options: WebpOptions; delays: readonly number[] },
): Promise<Buffer> {
  const { space, hasAlpha } = await open(input).metadata();
  const image = open(input, { pages: -1 }).keepIccProfile().toColourspace(space).negate({ alpha: false });
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const { width, channels } = info;
  const height = info.height / delays.length;
  const bytes = width * height * channels;
  const head = Buffer.alloc(10);
  head[0] = ANIMATED | (hasAlpha ? ALPHA : 0);
  head.writeUIntLE(width - 1, 4, 3);
  head.writeUIntLE(height - 1, 7, 3);
  const parts = [makeChunk("VP8X", head)];
  for (const { type, from, to } of readWebp(input)) {
    if (type === "ANIM") parts.push(makeChunk(type, input.subarray(from, to)));
  }
  for (const [i, duration] of delays.entries()) {
    const frame = open(data.subarray(i * bytes, (i + 1) * bytes), { raw: { width, height, channels } });
    parts.push(frameChunk(await frame.webp(options).toBuffer(), { width, height, duration }));
  }
  return makeWebp(parts);
}

function frameChunk(
  still: Buffer,
  { width, height, duration }: { width: number; height: number; duration: number },
): Buffer {
  const head = Buffer.alloc(16);
  head.writeUIntLE(width - 1, 6, 3);
  head.writeUIntLE(height - 1, 9, 3);
  head.writeUIntLE(duration, 12, 3);
  head[15] = NO_BLENDING;
  const isPixels = ({ type }: WebpChunk) => type === "ALPH" || type === "VP8 " || type === "VP8L";
  const pixels = readWebp(still).filter(isPixels);
  const chunks = pixels.map(({ type, from, to }) => makeChunk(type, still.subarray(from, to)));
  return makeChunk("ANMF", Buffer.concat([head, ...chunks]));
}
