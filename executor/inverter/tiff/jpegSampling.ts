import type { TiffFile } from "./tiffFile.js";
import type { TiffPage } from "./tiffPage.js";

const YCBCR = 6;
const JPEG = 7;
const START_OF_SCAN = 0xda;
/** Markers of the same range that are tables and not frames: DHT, JPG and DAC. */
const NO_FRAMES: ReadonlySet<number> = new Set([0xc4, 0xc8, 0xcc]);

/**
 * Over how many pixels a colour stands in a page of JPEG, across and down: as its first strip or tile has it, which is what
 * decoders go by, whatever the tag says. Undefined for other pages, and where there is no JPEG.
 */
export function jpegSampling(file: TiffFile, page: TiffPage): readonly [number, number] | undefined {
  const [segment] = page.segments;
  if (!segment || page.compression !== JPEG || page.photometric !== YCBCR) return undefined;
  if (segment.plane !== undefined) return undefined;
  const sampling = firstSampling(file.data.subarray(segment.offset, segment.offset + segment.length));
  return sampling === undefined ? undefined : [sampling >> 4, sampling & 15];
}

/** Of the first component, as its frame has it: what comes before are tables and texts. */
function firstSampling(jpeg: Buffer): number | undefined {
  for (let at = 2; at + 12 <= jpeg.length && jpeg[at] === 0xff; ) {
    const marker = jpeg[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === START_OF_SCAN) return undefined;
    if (marker >= 0xc0 && marker <= 0xcf && !NO_FRAMES.has(marker)) return jpeg[at + 11];
    at += 2 + Math.max(2, jpeg.readUInt16BE(at + 2));
  }
  return undefined;
}
