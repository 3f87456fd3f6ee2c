import { ImageError } from "../imageError.js";
import { APP0, COM, EOI, frameIn, type JpegFrame, type JpegSegment, SOS, segmentsOf } from "../jpegMarkers.js";

/** The structure of a JPEG: where its segments are, not what is in its scans. */
export interface JpegFile {
  data: Buffer;
  /** All from the first one after the start, of all scans, without the entropy-coded data. */
  segments: JpegSegment[];
  frame: JpegFrame;
  /** After the end marker; undefined where there is none. */
  end: number | undefined;
}

/** A profile or a description of 6 GB. */
const MAX_SEGMENTS = 100_000;

/** Reads the structure. What does not follow it is skipped, as decoders do. @throws ImageError */
export function readJpeg(data: Buffer): JpegFile {
  const segments: JpegSegment[] = [];
  let frame: JpegFrame | undefined;
  let end: number | undefined;
  for (const segment of segmentsOf(data)) {
    if (segment.marker === EOI) {
      end = segment.to;
      break;
    }
    segments.push(segment);
    if (segments.length > MAX_SEGMENTS)
      throw new ImageError(`has more than ${MAX_SEGMENTS} segments, which is not supported`);
    frame ??= frameIn(data, segment);
  }
  if (!frame || !segments.some(({ marker }) => marker === SOS)) {
    throw new ImageError("broken image: the JPEG ends before its pixels");
  }
  return { data, segments, frame, end };
}

/** Whether a segment begins with a name. */
export function isNamed(file: JpegFile, { marker, from, to }: JpegSegment, expected: number, name: string): boolean {
  return (
    marker === expected &&
    from + 4 + name.length <= to &&
    file.data.toString("latin1", from + 4, from + 4 + name.length) === name
  );
}

/** Segments that are about the picture, and not its coding. */
export function isMetadata({ marker }: JpegSegment): boolean {
  return (marker >= APP0 && marker <= 0xef) || marker === COM;
}
