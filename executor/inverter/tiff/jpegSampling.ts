import { chromaStep, firstFrame, type JpegFrame } from "../jpegMarkers.js";
import type { ColourStep } from "../picture.js";
import type { TiffFile } from "./tiffFile.js";
import type { TiffPage } from "./tiffPage.js";

const YCBCR = 6;
const JPEG = 7;

/**
 * Over how many pixels a colour stands in a page of JPEG, across and down: as its first strip or tile has it, which is what
 * decoders go by, whatever the tag says. Undefined for other pages, and where there is no JPEG.
 */
export function jpegSampling(file: TiffFile, page: TiffPage): readonly [number, number] | undefined {
  const sampling = page.photometric === YCBCR ? jpegFrame(file, page)?.components[0]?.sampling : undefined;
  return sampling === undefined ? undefined : [sampling >> 4, sampling & 15];
}

/** The same, for the comparison of before and after. Only luminance and chroma have colours at a lower resolution. */
export function jpegColourStep(file: TiffFile, page: TiffPage): ColourStep | undefined {
  const frame = jpegFrame(file, page);
  return frame && (page.photometric === YCBCR ? chromaStep(frame.components) : { columns: 1, rows: 1 });
}

function jpegFrame(file: TiffFile, page: TiffPage): JpegFrame | undefined {
  const [segment] = page.segments;
  if (!segment || page.compression !== JPEG || segment.plane !== undefined) return undefined;
  return firstFrame(file.data.subarray(segment.offset, segment.offset + segment.length));
}
