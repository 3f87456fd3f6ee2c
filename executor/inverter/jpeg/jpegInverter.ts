import type { Metadata, Sharp, SharpOptions } from "sharp";
import { invertCmyk } from "../cmyk.js";
import type { FormatInverter, InvertWork } from "../formatInverter.js";
import { ImageError } from "../imageError.js";
import { APP0, APP1, APP2, APP14, COM, type JpegSegment } from "../jpegMarkers.js";
import { jpegQuality } from "../jpegQuality.js";
import { comparable, type Picture } from "../picture.js";
import { isMetadata, isNamed, type JpegFile, readJpeg } from "./jpegFile.js";
import { hasAllScans, withoutOddities } from "./jpegRepair.js";
import { isMultiPicture, movedMultiPicture, refuseSecondPictures } from "./multiPicture.js";
import { colourStep } from "./sampling.js";

/** Where a JPEG does not tell its quality. */
const DEFAULT_QUALITY = 90;
/** Below, the blocks of a second compression would show. */
const MIN_QUALITY = 50;
const NOT_SUPPORTED: ReadonlyMap<number, string> = new Map([
  [0xc3, "lossless"],
  [0xc7, "lossless"],
  [0xcb, "lossless"],
  [0xcf, "lossless"],
  [0xc5, "hierarchical"],
  [0xc6, "hierarchical"],
  [0xcd, "hierarchical"],
  [0xce, "hierarchical"],
]);

export const jpegInverter: FormatInverter = {
  read: (data) => {
    const file = readJpeg(data);
    return { picture: jpegPicture(file), invert: (work) => invertJpeg(file, work) };
  },
};

async function invertJpeg(file: JpegFile, work: InvertWork): Promise<Buffer> {
  refuseSecondPictures(file);
  return withMetadataOf(file, readJpeg(await invertPixels(file, work)));
}

function jpegPicture(file: JpegFile): Picture {
  const { precision, width, height, components, marker } = file.frame;
  const kind = NOT_SUPPORTED.get(marker);
  if (kind !== undefined) throw new ImageError(`is a ${kind} JPEG, which is not supported`);
  if (precision !== 8) throw new ImageError(`has ${precision} bits a sample, which are not supported: a JPEG has 8`);
  if (height === 0) throw new ImageError("is a JPEG that tells its height at the end (DNL), which is not supported");
  const colours = new Map<string, string>();
  const texts = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const segment of file.segments) {
    if (!isMetadata(segment) || isNamed(file, segment, APP14, "Adobe") || isMultiPicture(file, segment)) continue;
    const name = nameOf(file, segment);
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    const kept = name === "ICC profile" ? colours : texts;
    kept.set(nth > 1 ? `${name} (${nth})` : name, comparable(file.data.subarray(segment.from + 4, segment.to)));
  }
  const page = { width, height, channels: components.length, depth: precision, colourStep: colourStep(file) };
  return { format: "jpeg", width, height, frames: 1, pages: [page], colours, texts };
}

function nameOf(file: JpegFile, segment: JpegSegment): string {
  if (segment.marker === COM) return "comment";
  if (isNamed(file, segment, APP0, "JFIF\0")) return "density (JFIF)";
  if (isNamed(file, segment, APP1, "Exif\0")) return "EXIF";
  if (isNamed(file, segment, APP1, "http://ns.adobe.com/")) return "XMP";
  if (isNamed(file, segment, APP2, "ICC_PROFILE\0")) return "ICC profile";
  return `segment APP${segment.marker - APP0}`;
}

/**
 * Decodes strictly first, since nearly all files are without fault, and that is fastest. Where the decoder warns, the file is
 * tried without what it may have warned of; only where it warns of nothing else then, or just of bytes after the pixels, the
 * picture is whole.
 */
async function invertPixels(file: JpegFile, work: InvertWork): Promise<Buffer> {
  try {
    if (file.end !== undefined) return await encodeInverted(file, file.data, work, "warning");
  } catch (error) {
    if (isTimeout(error)) throw error;
  }
  if (file.end === undefined && !hasAllScans(file)) throw new ImageError("broken image: the JPEG ends too early");
  const repaired = withoutOddities(file);
  try {
    return await encodeInverted(file, repaired, work, "warning");
  } catch (error) {
    if (!isHarmless(error)) throw error;
    return await encodeInverted(file, repaired, work, "truncated");
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && /timeout: \d+% complete/.test(error.message);
}

/** Bytes between the last pixel and the end: many cameras fill up a block with them. */
function isHarmless(error: unknown): boolean {
  return error instanceof Error && /extraneous bytes before marker 0xd9/.test(error.message);
}

async function encodeInverted(
  file: JpegFile,
  data: Buffer,
  { open }: InvertWork,
  failOn: NonNullable<SharpOptions["failOn"]>,
): Promise<Buffer> {
  const openImage = (image: Buffer) => open(image, { failOn });
  const metadata = await openImage(data).metadata();
  const encode = (image: Sharp) => image.jpeg(jpegOptions(file, metadata));
  if (metadata.space === "cmyk") return await invertCmyk(data, openImage, metadata, encode);
  // The space is named and the profile kept so that sharp leaves the samples as they are.
  const image = openImage(data).keepIccProfile().toColourspace(metadata.space).negate({ alpha: false });
  return await encode(image).toBuffer();
}

function jpegOptions(file: JpegFile, metadata: Metadata) {
  const { columns, rows } = colourStep(file);
  return {
    quality: Math.max(MIN_QUALITY, jpegQuality(file.data) ?? DEFAULT_QUALITY),
    // No other one can be written, and libvips calls all of them 4:2:0; 4:4:4 is what loses nothing.
    chromaSubsampling: columns === 2 && rows === 2 ? "4:2:0" : "4:4:4",
    progressive: metadata.isProgressive ?? false,
    // Huffman tables made for the image would take as much time as all the rest, and save 2 to 6 % of its size.
    optimizeCoding: false,
  };
}

/** The new picture with the input's metadata, to the byte, and with what the input has after its end. */
function withMetadataOf(input: JpegFile, made: JpegFile): Buffer {
  const kept = input.segments.filter((segment) => isMetadata(segment) && !isNamed(input, segment, APP14, "Adobe"));
  // It says how the new samples are coded.
  const adobe = made.segments.filter((segment) => isNamed(made, segment, APP14, "Adobe"));
  const own = made.segments.find((segment) => !isMetadata(segment))?.from ?? made.data.length;
  let at = 2;
  const starts = kept.map(({ from, to }) => {
    at += to - from;
    return at - (to - from);
  });
  const picture = [...adobe.map(({ from, to }) => made.data.subarray(from, to)), made.data.subarray(own, made.end)];
  const end = picture.reduce((sum, part) => sum + part.length, at);
  const tail = input.data.subarray(input.end ?? input.data.length);
  const endBy = end - (input.data.length - tail.length);
  const segments = kept.map((segment, i) => {
    if (!isMultiPicture(input, segment)) return input.data.subarray(segment.from, segment.to);
    return movedMultiPicture(input, segment, { segmentBy: (starts[i] ?? 0) - segment.from, endBy });
  });
  return Buffer.concat([input.data.subarray(0, 2), ...segments, ...picture, tail]);
}
