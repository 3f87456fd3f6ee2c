import { ImageError } from "../imageError.js";
import type { TiffDirectory, TiffFile } from "./tiffFile.js";
import { type TiffForm, type TiffSegment, tiffSegments } from "./tiffSegments.js";
import { COLOUR_NAMES, COMPRESSION_NAMES, PREDICTED, SAMPLE_FORMATS, TAG } from "./tiffTags.js";

/** How a page has to be inverted. */
export type TiffMethod =
  /** Its samples are complemented, in strips and tiles that stay as they are. */
  | { kind: "samples"; codec: "none" | "packbits" | "lzw" | "deflate" }
  /** Its palette is complemented. */
  | { kind: "palette" }
  /** Its samples stay, and black and white change their meaning. */
  | { kind: "meaning" }
  /** It selects which pixels of another page are seen: it has no colours. */
  | { kind: "mask" }
  /** Decoded, and encoded anew. */
  | { kind: "anew" };

export interface TiffPage extends TiffForm {
  method: TiffMethod;
  segments: TiffSegment[];
}

const CODECS: ReadonlyMap<number, "none" | "packbits" | "lzw" | "deflate"> = new Map([
  [1, "none"],
  [5, "lzw"],
  [8, "deflate"],
  [32_946, "deflate"],
  [32_773, "packbits"],
]);
const PACK_BITS = 32_773;
const FAX: ReadonlySet<number> = new Set([2, 3, 4, 32_771]);
const JPEG = 7;
/** Compressions that the decoder knows, and that can be written or replaced by deflate. */
const DECODED: ReadonlySet<number> = new Set([JPEG, 50_001]);
/** Tags that make a promise about samples, which inverting would break. */
const PROMISES: readonly [number, string][] = [
  [42_113, "the value of its samples that stands for no data (GDAL_NODATA)"],
];
const DNG_VERSION = 50_706;

/** What a page is and how it is inverted. @throws ImageError where it can't be, in words */
export function tiffPage(file: TiffFile, directory: TiffDirectory, name: string): TiffPage {
  const { entries } = directory;
  const refuse = (why: string): never => {
    throw new ImageError(`${name}${why}`);
  };
  const numbers = (tag: number) => file.numbers(entries.get(tag));
  const number = (tag: number, standard: number) => numbers(tag)[0] ?? standard;
  const width = number(TAG.width, 0);
  const height = number(TAG.height, 0);
  if (width === 0 || height === 0) refuse("broken image: it has no width or no height");
  if (entries.has(DNG_VERSION)) refuse("is a raw photograph (DNG), which is not supported");
  for (const [tag, what] of PROMISES) if (entries.has(tag)) refuse(`tells ${what}, which inverting would make wrong`);
  const compression = number(TAG.compression, 1);
  const samples = number(TAG.samples, 1);
  const photometric = number(TAG.photometric, samples >= 3 ? 2 : 1);
  const sampleBits = numbers(TAG.bits);
  const bits = sampleBits[0] ?? 1;
  checkSamples();
  const colours = photometric === 2 || photometric === 6 ? 3 : photometric === 5 ? 4 : 1;
  if (samples < colours) refuse(`broken image: it has ${samples} channels, and its colours need ${colours}`);
  const associated = numbers(TAG.extraSamples).indexOf(1);
  const page = {
    directory,
    name,
    width,
    height,
    bits,
    samples,
    colours,
    associatedAlpha: associated < 0 ? undefined : colours + associated,
    predictor: PREDICTED.has(compression) && number(TAG.predictor, 1) === 2,
    photometric,
    compression,
  };
  const segments = tiffSegments(file, page);
  return { ...page, segments, method: tiffMethod(file, page, segments) };

  function checkSamples(): void {
    if (sampleBits.some((other) => other !== bits)) {
      refuse(
        `has channels of ${[...new Set(sampleBits)].join(" and ")} bits, which is not supported: all have to be alike`,
      );
    }
    const format = numbers(TAG.sampleFormat).find((value) => SAMPLE_FORMATS.has(value));
    if (format !== undefined) {
      refuse(`has samples of type ${SAMPLE_FORMATS.get(format)}, which are not supported: 8 and 16 bits are`);
    }
    if (![1, 2, 4, 8, 16].includes(bits)) {
      refuse(`has ${bits} bits a sample, which are not supported: 1, 2, 4, 8 and 16 bits are`);
    }
    checkLimits();
  }

  /** 0 and the largest value stay what they are: each becomes the other one. */
  function checkLimits(): void {
    const largest = 2 ** bits - 1;
    // No sample can be larger: some programs write 65535 whatever the depth.
    if (number(TAG.minSample, 0) !== 0 || number(TAG.maxSample, largest) < largest) {
      refuse("tells its smallest and largest sample values (MinSampleValue), which inverting would make wrong");
    }
    const limits: [tag: number, value: number, name: string][] = [
      [TAG.smallest, 0, "its smallest sample values (SMinSampleValue)"],
      [TAG.largest, largest, "its largest sample values (SMaxSampleValue)"],
    ];
    for (const [tag, value, what] of limits) {
      if (!entries.has(tag)) continue;
      const values = numbers(tag);
      if (values.length > 0 && values.every((each) => each === value)) continue;
      refuse(`tells ${what}, which inverting would make wrong`);
    }
  }
}

function tiffMethod(file: TiffFile, page: TiffForm, segments: readonly TiffSegment[]): TiffMethod {
  const { compression, photometric, name, bits, samples, colours, associatedAlpha } = page;
  const refuse = (why: string): never => {
    throw new ImageError(`${name}${why}`);
  };
  if (photometric === 4) return { kind: "mask" };
  if (photometric === 3) return { kind: "palette" };
  if (FAX.has(compression)) return { kind: "meaning" };
  const colourName = COLOUR_NAMES.get(photometric) ?? (photometric > 6 ? `number ${photometric}` : undefined);
  if (colourName !== undefined) refuse(`has the colour space ${colourName}, which is not supported`);
  // The decoder takes these samples for red, green and blue.
  if (photometric === 6 && compression !== JPEG)
    refuse("has the colour space YCbCr without JPEG, which is not supported");
  const codec = CODECS.get(compression);
  if (codec === undefined && !DECODED.has(compression)) {
    refuse(
      `is compressed with ${COMPRESSION_NAMES.get(compression) ?? `method ${compression}`}, which is not supported`,
    );
  }
  const numbers = (tag: number) => file.numbers(page.directory.entries.get(tag));
  const reversed = (numbers(TAG.fillOrder)[0] ?? 1) === 2 && codec !== "none";
  const oldLzw =
    codec === "lzw" &&
    segments.some(({ offset }) => file.data[offset] === 0 && ((file.data[offset + 1] ?? 0) & 1) === 1);
  if (codec === undefined || photometric > 2 || reversed || oldLzw) {
    // What the decoder makes of more channels than alpha is not what they are.
    if (samples > colours + (photometric === 5 ? 0 : 1)) {
      refuse(`has ${samples} channels, which are not supported in ${photometric === 5 ? "CMYK" : "this compression"}`);
    }
    if (photometric === 5 && bits !== 8) refuse(`has the colour space cmyk at ${bits} bits, which is not supported`);
    if (associatedAlpha !== undefined)
      refuse("has colours multiplied with an alpha in a compression where that is not supported");
    if (bits < 8 && samples > 1) refuse(`has ${bits} bits a sample in several channels, which is not supported`);
    if (bits > 8 && !file.little) refuse(`has ${bits} bits a sample in this compression, which is not supported`);
    return { kind: "anew" };
  }
  if (bits < 8 && samples > colours) refuse(`has ${bits} bits a sample and an alpha, which is not supported`);
  if (bits < 8 && page.predictor) refuse(`has a predictor at ${bits} bits, which is not supported`);
  if (associatedAlpha !== undefined && segments[0]?.plane !== undefined) {
    refuse("has colours multiplied with an alpha that is stored apart, which is not supported");
  }
  const predictor = numbers(TAG.predictor)[0] ?? 1;
  if (predictor > 1 && compression === PACK_BITS) {
    refuse("has a predictor in PackBits, which is not supported: some programs apply it, and others pass over it");
  }
  if (predictor > 2 && PREDICTED.has(compression)) refuse(`has predictor ${predictor}, which is not supported`);
  return { kind: "samples", codec };
}
