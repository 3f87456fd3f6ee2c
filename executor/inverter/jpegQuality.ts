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

/** The first quantization table, which is the luminance's. */
function quantizationTable(input: Buffer): number[] | undefined {
  let at = 2;
  while (at + 4 <= input.length && input[at] === 0xff) {
    const marker = input[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1; // a fill byte
      continue;
    }
    if (marker === 0xda || marker === 0xd9) return undefined;
    const length = input.readUInt16BE(at + 2);
    if (marker === 0xdb) {
      const wide = (input[at + 4] ?? 0) >> 4 === 1;
      const values = input.subarray(at + 5, at + 5 + (wide ? 128 : 64));
      if (values.length < (wide ? 128 : 64)) return undefined;
      return wide ? Array.from({ length: 64 }, (_, i) => values.readUInt16BE(2 * i)) : [...values];
    }
    at += 2 + length;
  }
  return undefined;
}
