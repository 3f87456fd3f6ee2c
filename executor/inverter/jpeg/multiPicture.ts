import { ImageError } from "../imageError.js";
import { TiffFile } from "../tiff/tiffFile.js";
import { APP1, APP2, isNamed, type JpegFile, type JpegSegment } from "./jpegFile.js";

const NAME = "MPF\0";
const ENTRIES = 0xb002;
const ENTRY_BYTES = 16;
/** Bits 16 to 23 of an entry's attributes: the picture again, for a small or a large screen. */
const PREVIEW = 0x01;
const GAIN_MAPS = ["urn:iso:std:iso:ts:21496", "hdrgm:", "HDRGainMap"];

export function isMultiPicture(file: JpegFile, segment: JpegSegment): boolean {
  return isNamed(file, segment, APP2, NAME);
}

/**
 * Phones store maps for bright screens, depths and second views after the picture. Previews may stay as they are; the others
 * would no longer fit.
 *
 * @throws ImageError
 */
export function refuseSecondPictures(file: JpegFile): void {
  const { data, segments, end } = file;
  const after = data.subarray(end ?? data.length);
  const told = segments.filter(
    (segment) => isNamed(file, segment, APP2, "urn:iso") || isNamed(file, segment, APP1, "http://ns.adobe.com/xap/"),
  );
  const places = [after, ...told.map(({ from, to }) => data.subarray(from, to))];
  if (GAIN_MAPS.some((name) => places.some((place) => place.includes(name, 0, "latin1")))) {
    throw new ImageError("has a gain map, for bright screens, which would no longer fit the inverted picture");
  }
  for (const segment of segments) {
    if (!isMultiPicture(file, segment)) continue;
    const { tiff, entries } = readEntries(file, segment);
    const others = entries.filter((at, i) => i > 0 && (tiff.u32(at) >>> 16) % 256 !== PREVIEW);
    if (others.length > 0) {
      throw new ImageError(`holds ${others.length + 1} pictures (MPF), which is not supported: one would be inverted`);
    }
  }
}

/** The segment as it has to be where the picture has another length and place. */
export function movedMultiPicture(
  file: JpegFile,
  segment: JpegSegment,
  moved: { segmentBy: number; endBy: number },
): Buffer {
  const bytes = Buffer.from(file.data.subarray(segment.from, segment.to));
  const { tiff, entries } = readEntries({ ...file, data: bytes }, { ...segment, from: 0, to: bytes.length });
  for (const [i, at] of entries.entries()) {
    // The first one is the picture itself: its offset is 0, and its length is its own.
    if (i === 0) tiff.write(at + 4, 4, tiff.u32(at + 4) + moved.endBy);
    else tiff.write(at + 8, 4, tiff.u32(at + 8) + moved.endBy - moved.segmentBy);
  }
  return bytes;
}

/** Where the entries are. Offsets count from the byte after the name. */
function readEntries(file: JpegFile, { from, to }: JpegSegment): { tiff: TiffFile; entries: number[] } {
  const tiff = new TiffFile(file.data.subarray(from + 4 + NAME.length, to));
  const entry = tiff.directory(tiff.u32(4), 4).entries.get(ENTRIES);
  const count = entry ? Math.floor(entry.bytes / ENTRY_BYTES) : 0;
  return { tiff, entries: Array.from({ length: count }, (_, i) => (entry?.valueAt ?? 0) + i * ENTRY_BYTES) };
}
