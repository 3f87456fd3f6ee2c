import type { Metadata } from "sharp";
import type { FormatInverter, InvertWork } from "../formatInverter.js";
import { encodeFrames } from "./encodeFrames.js";
import {
  frameDelays,
  framesAmong,
  isLossless,
  makeChunk,
  makeWebp,
  readWebp,
  readWebpFile,
  setFrameDelays,
  type WebpFile,
} from "./webpFile.js";
import { isAbout, webpPicture } from "./webpPicture.js";

const QUALITY = 90;
const ICC = 0x20;
const ALPHA = 0x10;
const EXIF = 0x08;
const XMP = 0x04;

export const webpInverter: FormatInverter = {
  read: async (input) => {
    const file = readWebpFile(input);
    return { picture: await webpPicture(file), invert: (work) => invertWebp(file, work) };
  },
};

async function invertWebp(file: WebpFile, { open }: InvertWork): Promise<Buffer> {
  const metadata = await open(file.data).metadata();
  return withMetadataOf(file, await encodeInverted(file, metadata, open), metadata.hasAlpha);
}

async function encodeInverted(
  { data: input, chunks }: WebpFile,
  { space, loop, pages = 1 }: Metadata,
  open: InvertWork["open"],
): Promise<Buffer> {
  const lossless = isLossless(input, chunks);
  const image = open(input, { pages: -1 }).keepIccProfile().toColourspace(space).negate({ alpha: false });
  const options = lossless ? { lossless, exact: true, effort: 1 } : { quality: QUALITY };
  if (pages === 1) return await image.webp(options).toBuffer();
  const delays = frameDelays(input, chunks);
  const made = await image.webp({ ...options, loop: loop ?? 0 }).toBuffer();
  if (framesAmong(readWebp(made)).length !== pages) return await encodeFrames(input, open, { options, delays });
  setFrameDelays(made, delays);
  return made;
}

/** The new picture with the input's metadata, to the byte, in the order that the format asks for. */
function withMetadataOf({ data: input, chunks, tail }: WebpFile, made: Buffer, hasAlpha: boolean): Buffer {
  const kept = chunks.filter(isAbout);
  const picture = readWebp(made).filter((chunk) => !isAbout(chunk));
  const copies = (data: Buffer, chunks: typeof kept) =>
    chunks.map(({ type, from, to }) => makeChunk(type, data.subarray(from, to)));
  const has = (type: string) => kept.some((chunk) => chunk.type === type);
  const extended = picture.find(({ type }) => type === "VP8X");
  const head = Buffer.alloc(10);
  if (extended) made.copy(head, 0, extended.from, extended.from + 10);
  else writeSimpleHead(head, made, picture);
  head[0] =
    ((head[0] ?? 0) & ~(ICC | EXIF | XMP)) |
    (has("ICCP") ? ICC : 0) |
    (has("EXIF") ? EXIF : 0) |
    (has("XMP ") ? XMP : 0);
  // The encoder leaves out an alpha that is opaque everywhere.
  if (hasAlpha) head[0] |= ALPHA;
  const profiles = kept.filter(({ type }) => type === "ICCP");
  const others = kept.filter(({ type }) => type !== "ICCP");
  const coding = picture.filter((chunk) => chunk !== extended);
  const parts = [
    ...(extended || hasAlpha || kept.length > 0 ? [makeChunk("VP8X", head)] : []),
    ...copies(input, profiles),
    ...copies(made, coding),
    ...copies(input, others),
  ];
  return Buffer.concat([makeWebp(parts), tail]);
}

/** Size and alpha of a WebP that is nothing but its pixels. */
function writeSimpleHead(head: Buffer, made: Buffer, chunks: ReturnType<typeof readWebp>): void {
  const lossless = chunks.find(({ type }) => type === "VP8L");
  const lossy = chunks.find(({ type }) => type === "VP8 ");
  if (lossless) {
    const bits = made.readUInt32LE(lossless.from + 1);
    head.writeUIntLE(bits & 0x3fff, 4, 3);
    head.writeUIntLE((bits >>> 14) & 0x3fff, 7, 3);
    head[0] = (bits >>> 28) & 1 ? ALPHA : 0;
  } else if (lossy) {
    head.writeUIntLE((made.readUInt16LE(lossy.from + 6) & 0x3fff) - 1, 4, 3);
    head.writeUIntLE((made.readUInt16LE(lossy.from + 8) & 0x3fff) - 1, 7, 3);
  }
}
