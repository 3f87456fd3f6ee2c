import { ImageError } from "../imageError.js";
import type { PngHeader } from "./header.js";

/**
 * Chunks that stay true whatever happens to the pixels, although they are not marked as safe to copy: colour
 * description, size, the counts of the palette's colours, time, animation.
 */
const STAY: ReadonlySet<string> = new Set(
  "acTL cHRM cICP cLLI fcTL fdAT gAMA hIST iCCP mDCV sBIT sCAL sRGB sTER tIME".split(" "),
);

/** What says how samples become colours. */
export const DESCRIBES_COLOURS: ReadonlySet<string> = new Set("cHRM cICP cLLI gAMA iCCP mDCV sBIT sRGB".split(" "));
/** The frames of an animation. */
const FRAMES: ReadonlySet<string> = new Set(["acTL", "fcTL", "fdAT"]);

const CRITICAL: ReadonlySet<string> = new Set(["IHDR", "PLTE", "IDAT", "IEND"]);

/** Inverts the colours in a copy of a chunk's data. */
type InvertColours = (data: Buffer, header: PngHeader) => void;

const COLOURS: ReadonlyMap<string, InvertColours> = new Map([
  ["PLTE", (data) => invertBytes(data, 0, data.length)],
  // The palette's alpha, or else the one colour that is transparent.
  ["tRNS", invertSamples],
  // In a palette it names an entry, and is inverted with that. So is a colour: what shines through the picture, or
  // surrounds it, belongs to what one sees.
  ["bKGD", invertSamples],
  ["sPLT", invertSuggestedPalette],
]);

/** They are inverted at one go. */
const MAX_COLOUR_BYTES = 1024 * 1024;

/** What becomes of a chunk other than IDAT: it stays, it gets other data, or it is left out. */
export type Fate = { kind: "stays" } | { kind: "changes"; data: Buffer } | { kind: "goes" };

/**
 * A chunk of a type that is not known goes when it is not marked as safe to copy: it depends on the pixels as they were.
 *
 * @throws ImageError for a chunk without which the picture can't be understood
 */
export function fateOf(type: string, data: Buffer, header: PngHeader): Fate {
  const invert = COLOURS.get(type);
  if (invert) {
    if (data.length > MAX_COLOUR_BYTES) {
      throw new ImageError(`has a ${type} chunk of ${data.length} bytes, which is more than is supported`);
    }
    const inverted = Buffer.from(data);
    invert(inverted, header);
    return { kind: "changes", data: inverted };
  }
  if (CRITICAL.has(type) || STAY.has(type) || isSafeToCopy(type)) return { kind: "stays" };
  if (type === "pCAL") {
    throw new ImageError("has a pCAL chunk, which is not supported: it describes what the original pixels measured");
  }
  if (isAncillary(type)) return { kind: "goes" };
  throw new ImageError(`has a ${type} chunk, which is not supported: the pixels can't be understood without it`);
}

/** Whether a picture looks otherwise without such a chunk: its colours, its alpha, or its frames. */
export function tellsColours(type: string): boolean {
  return COLOURS.has(type) || DESCRIBES_COLOURS.has(type) || FRAMES.has(type);
}

/** The fifth bit of the fourth letter: lower case. */
function isSafeToCopy(type: string): boolean {
  return isAncillary(type) && type.charCodeAt(3) >= 0x61;
}

/** A PNG can be understood without such a chunk: the fifth bit of the first letter says so. */
export function isAncillary(type: string): boolean {
  return type.charCodeAt(0) >= 0x61;
}

function invertBytes(data: Buffer, from: number, to: number): void {
  for (let at = from; at < to; at++) data[at] = 255 - (data[at] ?? 0);
}

/** One sample of 16 bits for each colour; of these the picture's depth counts. */
function invertSamples(data: Buffer, { palette, colours, depth }: PngHeader): void {
  if (palette) return;
  for (let at = 0; at + 2 <= data.length && at < 2 * colours; at += 2) {
    data.writeUInt16BE(data.readUInt16BE(at) ^ (2 ** depth - 1), at);
  }
}

/** A name, a zero byte, the depth, and entries of red, green, blue, alpha, each of this depth, and a count of 16 bits. */
function invertSuggestedPalette(data: Buffer): void {
  const depthAt = data.indexOf(0) + 1;
  const sampleBytes = data[depthAt] === 16 ? 2 : 1;
  const entryBytes = 4 * sampleBytes + 2;
  if (depthAt === 0) return;
  for (let at = depthAt + 1; at + entryBytes <= data.length; at += entryBytes) {
    invertBytes(data, at, at + 3 * sampleBytes);
  }
}
