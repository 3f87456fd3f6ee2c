import { ImageError } from "../imageError.js";

/** A marker segment, from its 0xff to the byte after it. */
export interface JpegSegment {
  marker: number;
  from: number;
  to: number;
}

/** How the pixels are coded. */
export interface JpegFrame {
  /** Of the SOF marker: 0xc0 to 0xcf. */
  marker: number;
  precision: number;
  width: number;
  height: number;
  components: { id: number; sampling: number }[];
}

/** The structure of a JPEG: where its segments are, not what is in its scans. */
export interface JpegFile {
  data: Buffer;
  /** All from the first one after the start, of all scans, without the entropy-coded data. */
  segments: JpegSegment[];
  frame: JpegFrame;
  /** After the end marker; undefined where there is none. */
  end: number | undefined;
}

export const APP0 = 0xe0;
export const APP1 = 0xe1;
export const APP2 = 0xe2;
export const APP14 = 0xee;
export const COM = 0xfe;
export const SOS = 0xda;
const EOI = 0xd9;
/** A profile or a description of 6 GB. */
const MAX_SEGMENTS = 100_000;

/** Reads the structure. What does not follow it is skipped, as decoders do. @throws ImageError */
export function readJpeg(data: Buffer): JpegFile {
  const segments: JpegSegment[] = [];
  let frame: JpegFrame | undefined;
  let end: number | undefined;
  let at = 2;
  for (;;) {
    at = nextMarker(data, at);
    const marker = data[at + 1];
    if (marker === undefined) break;
    if (marker === EOI) {
      end = at + 2;
      break;
    }
    const to = at + 2 + (at + 4 <= data.length ? data.readUInt16BE(at + 2) : data.length);
    if (to > data.length || to < at + 4) break;
    segments.push({ marker, from: at, to });
    if (segments.length > MAX_SEGMENTS)
      throw new ImageError(`has more than ${MAX_SEGMENTS} segments, which is not supported`);
    if (isFrame(marker)) frame ??= readFrame(data, at, to);
    at = to;
  }
  if (!frame || !segments.some(({ marker }) => marker === SOS)) {
    throw new ImageError("broken image: the JPEG ends before its pixels");
  }
  return { data, segments, frame, end };
}

/** What is between is data of a scan, in which 0xff 0x00 stands for a byte, or what does not belong there. */
function nextMarker(data: Buffer, from: number): number {
  let at = data.indexOf(0xff, from);
  while (at >= 0) {
    const next = data[at + 1];
    const isMarker = next !== undefined && next >= 0xc0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd8);
    if (isMarker) return at;
    at = data.indexOf(0xff, at + 1);
  }
  return data.length;
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function readFrame(data: Buffer, from: number, to: number): JpegFrame | undefined {
  if (to - from < 10) return undefined;
  const count = data[from + 9] ?? 0;
  const components = Array.from({ length: Math.min(count, Math.floor((to - from - 10) / 3)) }, (_, i) => ({
    id: data[from + 10 + i * 3] ?? 0,
    sampling: data[from + 11 + i * 3] ?? 0,
  }));
  const precision = data[from + 4] ?? 0;
  return {
    marker: data[from + 1] ?? 0,
    precision,
    height: data.readUInt16BE(from + 5),
    width: data.readUInt16BE(from + 7),
    components,
  };
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
