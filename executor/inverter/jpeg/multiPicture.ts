import { ImageError } from "../imageError.js";
import { APP1, APP2, type JpegSegment } from "../jpegMarkers.js";
import { LONG, TiffFile } from "../tiff/tiffFile.js";
import { isNamed, type JpegFile } from "./jpegFile.js";

const NAME = "MPF\0";
const ENTRIES = 0xb002;
const ENTRY_BYTES = 16;
/** Bits 16 to 23 of an entry's attributes: the picture again, for a small or a large screen. */
const PREVIEW = 0x01;
const ISO_GAIN_MAP = "urn:iso:std:iso:ts:21496";
/** Names of XMP's namespaces, as attributes have them: a title may contain the words. */
const XMP_GAIN_MAPS = ["http://ns.adobe.com/hdr-gain-map/", "http://ns.apple.com/HDRGainMap/"].flatMap((name) => [
  `"${name}`,
  `'${name}`,
]);

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
  if (hasGainMap(file, data.subarray(end ?? data.length))) {
    throw new ImageError("has a gain map, for bright screens, which would no longer fit the inverted picture");
  }
  for (const segment of segments) {
    if (!isMultiPicture(file, segment)) continue;
    const index = readIndex(file, segment);
    const others = index?.entries.filter((at, i) => i > 0 && (index.tiff.u32(at) >>> 16) % 256 !== PREVIEW) ?? [];
    if (others.length > 0) {
      throw new ImageError(`holds ${others.length + 1} pictures (MPF), which is not supported: one would be inverted`);
    }
  }
}

function hasGainMap(file: JpegFile, after: Buffer): boolean {
  if ([...XMP_GAIN_MAPS, ISO_GAIN_MAP, "hdrgm:Version"].some((name) => after.includes(name, 0, "latin1"))) return true;
  return file.segments.some((segment) => {
    if (isNamed(file, segment, APP2, ISO_GAIN_MAP)) return true;
    if (
      !isNamed(file, segment, APP1, "http://ns.adobe.com/xap/") &&
      !isNamed(file, segment, APP1, "http://ns.adobe.com/xmp/")
    )
      return false;
    const xmp = file.data.subarray(segment.from, segment.to);
    return XMP_GAIN_MAPS.some((name) => xmp.includes(name, 0, "latin1"));
  });
}

/** The segment as it has to be where the picture has another length and place. An index that can't be read stays as it is. */
export function movedMultiPicture(
  file: JpegFile,
  segment: JpegSegment,
  moved: { segmentBy: number; endBy: number },
): Buffer {
  const bytes = Buffer.from(file.data.subarray(segment.from, segment.to));
  const index = readIndex({ ...file, data: bytes }, { ...segment, from: 0, to: bytes.length });
  if (!index) return bytes;
  for (const [i, at] of index.entries.entries()) {
    // The first one is the picture itself: its offset is 0, and its length is its own.
    if (i === 0) move(index.tiff, at + 4, moved.endBy);
    else move(index.tiff, at + 8, moved.endBy - moved.segmentBy);
  }
  return bytes;
}

/** 0 says that there is nothing; what would come before the file leads nowhere anyway. */
function move(tiff: TiffFile, at: number, by: number): void {
  const old = tiff.u32(at);
  const now = old + by;
  if (old > 0 && now > 0 && TiffFile.fits(LONG, now)) tiff.write(at, LONG, now);
}

/** Where the entries are, unless the segment is damaged: no viewer finds other pictures then. Offsets count from the byte after the name. */
function readIndex(
  file: JpegFile,
  { from, to }: JpegSegment,
): { tiff: TiffFile; entries: readonly number[] } | undefined {
  const tiff = new TiffFile(file.data.subarray(from + 4 + NAME.length, to));
  try {
    const entry = tiff.directory(tiff.u32(4), 4).entries.get(ENTRIES);
    if (!entry || !tiff.holds(entry)) return undefined;
    const count = Math.floor(entry.bytes / ENTRY_BYTES);
    return { tiff, entries: Array.from({ length: count }, (_, i) => entry.valueAt + i * ENTRY_BYTES) };
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}
