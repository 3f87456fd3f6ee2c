import type { ColourStep } from "./picture.js";

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
  components: JpegComponent[];
}

export interface JpegComponent {
  id: number;
  /** Across in the upper four bits, down in the lower ones. */
  sampling: number;
  /** The number of its quantization table. */
  table: number;
}

export const APP0 = 0xe0;
export const APP1 = 0xe1;
export const APP2 = 0xe2;
export const APP14 = 0xee;
export const COM = 0xfe;
export const DQT = 0xdb;
export const SOS = 0xda;
export const EOI = 0xd9;

/**
 * The segments of a JPEG, or of tables apart from one, without the entropy-coded data. The end marker is the last one. What does not
 * follow the structure is skipped, as decoders do; where it is cut, there are no more.
 */
export function* segmentsOf(data: Buffer): Generator<JpegSegment> {
  for (let at = nextMarker(data, 2); at + 2 <= data.length; ) {
    const marker = data[at + 1] ?? 0;
    if (marker === EOI) {
      yield { marker, from: at, to: at + 2 };
      return;
    }
    const to = at + 2 + (at + 4 <= data.length ? data.readUInt16BE(at + 2) : data.length);
    if (to > data.length || to < at + 4) return;
    yield { marker, from: at, to };
    at = nextMarker(data, to);
  }
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

/** What the segment says of the pixels, if it is one that does. */
export function frameIn(data: Buffer, { marker, from, to }: JpegSegment): JpegFrame | undefined {
  const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
  if (!isFrame || to - from < 10) return undefined;
  const count = data[from + 9] ?? 0;
  const components = Array.from({ length: Math.min(count, Math.floor((to - from - 10) / 3)) }, (_, i) => ({
    id: data[from + 10 + i * 3] ?? 0,
    sampling: data[from + 11 + i * 3] ?? 0,
    table: data[from + 12 + i * 3] ?? 0,
  }));
  return {
    marker,
    precision: data[from + 4] ?? 0,
    height: data.readUInt16BE(from + 5),
    width: data.readUInt16BE(from + 7),
    components,
  };
}

/** The first frame before a scan; undefined where there is none. */
export function firstFrame(data: Buffer): JpegFrame | undefined {
  for (const segment of segmentsOf(data)) {
    if (segment.marker === SOS) return undefined;
    const frame = frameIn(data, segment);
    if (frame) return frame;
  }
  return undefined;
}

/** Where colours are luminance and chroma: 2 and 1 in 4:2:2, 2 and 2 in 4:2:0. Of two chroma components the finer one. */
export function chromaStep(components: readonly JpegComponent[]): ColourStep {
  if (components.length < 3) return { columns: 1, rows: 1 };
  const finest = { columns: 1, rows: 1 };
  const finestChroma = { columns: 1, rows: 1 };
  for (const [i, { sampling }] of components.entries()) {
    grow(finest, sampling);
    if (i === 1 || i === 2) grow(finestChroma, sampling);
  }
  return { columns: finest.columns / finestChroma.columns, rows: finest.rows / finestChroma.rows };
}

function grow(most: ColourStep, sampling: number): void {
  most.columns = Math.max(most.columns, sampling >> 4);
  most.rows = Math.max(most.rows, sampling & 15);
}
