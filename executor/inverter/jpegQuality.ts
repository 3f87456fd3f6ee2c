import { DQT, frameIn, SOS, segmentsOf } from "./jpegMarkers.js";

/** The luminance table of the JPEG standard (Annex K), in zigzag order: quality 50. */
const STANDARD_LUMINANCE = [
  16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
  60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121,
  112, 100, 120, 92, 101, 103, 99,
];

/**
 * The quality, 1 to 100, at which the standard tables come closest to this JPEG's. An inverted image that is saved
 * with the tables of the original loses next to nothing: each coefficient only changes its sign.
 */
export function jpegQuality(input: Buffer): number | undefined {
  const table = quantizationTable(input);
  if (!table) return undefined;
  let best = { quality: 0, distance: Number.POSITIVE_INFINITY };
  for (let quality = 1; quality <= 100; quality++) {
    const scale = quality < 50 ? 5_000 / quality : 200 - 2 * quality;
    let distance = 0;
    for (const [i, standard] of STANDARD_LUMINANCE.entries()) {
      const value = Math.min(255, Math.max(1, Math.floor((standard * scale + 50) / 100)));
      distance += Math.abs(value - (table[i] ?? 0));
    }
    if (distance < best.distance) best = { quality, distance };
  }
  return best.quality;
}

/** That of the luminance: the one the first component names or, in tables apart from a frame, number 0. */
function quantizationTable(input: Buffer): number[] | undefined {
  const tables = new Map<number, number[]>();
  let wanted = 0;
  for (const segment of segmentsOf(input)) {
    if (segment.marker === SOS) break;
    if (segment.marker === DQT) addTables(tables, input.subarray(segment.from + 4, segment.to));
    wanted = frameIn(input, segment)?.components[0]?.table ?? wanted;
  }
  return tables.get(wanted);
}

/** A segment may hold several tables: a byte that tells width and number, and 64 values. */
function addTables(tables: Map<number, number[]>, data: Buffer): void {
  for (let at = 0; at < data.length; ) {
    const head = data[at] ?? 0;
    const wide = head >> 4 !== 0;
    const values = data.subarray(at + 1, at + 1 + (wide ? 128 : 64));
    if (values.length < (wide ? 128 : 64)) return;
    tables.set(head & 15, wide ? Array.from({ length: 64 }, (_, i) => values.readUInt16BE(2 * i)) : [...values]);
    at += 1 + values.length;
  }
}
