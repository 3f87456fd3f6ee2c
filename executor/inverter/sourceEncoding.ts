/**
 * How an image was encoded, where sharp's metadata don't tell. What can't be read is answered with undefined or the
 * safe choice: sharp says later whether the image is broken.
 */

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

/** True if every frame of a WebP is lossless. */
export function webpIsLossless(input: Buffer): boolean {
  const kinds = new Set<string>();
  collectWebpChunks(input, 12, input.length, kinds);
  return kinds.has("VP8L") && !kinds.has("VP8 ");
}

function collectWebpChunks(input: Buffer, from: number, to: number, kinds: Set<string>): void {
  let at = from;
  while (at + 8 <= to) {
    const kind = input.toString("latin1", at, at + 4);
    const length = input.readUInt32LE(at + 4);
    kinds.add(kind);
    // A frame of an animation has 16 bytes of its own, and then chunks again.
    if (kind === "ANMF") collectWebpChunks(input, at + 24, Math.min(to, at + 8 + length), kinds);
    at += 8 + length + (length & 1);
  }
}

/** Chroma subsampling of an AVIF, from its AV1 configuration. */
export function avifChromaSubsampling(input: Buffer): "4:4:4" | "4:2:0" {
  const at = input.subarray(0, 64 * 1024).indexOf("av1C", 0, "latin1");
  const bits = at < 0 ? 0 : (input[at + 6] ?? 0);
  return (bits & 0b1100) === 0b1100 ? "4:2:0" : "4:4:4";
}

export interface TiffEncoding {
  compression: "none" | "lzw" | "deflate" | "packbits" | "jpeg" | "ccittfax4";
  /** Of the first page: 1, 2, 4, 8, 16 or 32. */
  bitsPerSample: number;
  tiled: boolean;
}

const TIFF_COMPRESSIONS: ReadonlyMap<number, TiffEncoding["compression"]> = new Map([
  [1, "none"],
  [2, "ccittfax4"],
  [3, "ccittfax4"],
  [4, "ccittfax4"],
  [5, "lzw"],
  [6, "jpeg"],
  [7, "jpeg"],
  [8, "deflate"],
  [32_946, "deflate"],
  [32_773, "packbits"],
]);

/** How a TIFF's first page is stored. A compression that can't be written is replaced by deflate, which loses nothing. */
export function tiffEncoding(input: Buffer): TiffEncoding {
  const tag = tiffTags(input);
  return {
    compression: TIFF_COMPRESSIONS.get(tag.get(259) ?? 1) ?? "deflate",
    bitsPerSample: tag.get(258) ?? 1,
    tiled: tag.has(322),
  };
}

/** The first value of each tag in the first directory; for a list that lies elsewhere, the list's first. */
function tiffTags(input: Buffer): Map<number, number> {
  const little = input[0] === 0x49;
  const u16 = (at: number) => (at + 2 > input.length ? 0 : little ? input.readUInt16LE(at) : input.readUInt16BE(at));
  const u32 = (at: number) => (at + 4 > input.length ? 0 : little ? input.readUInt32LE(at) : input.readUInt32BE(at));
  const u64 = (at: number) => (little ? u32(at) + u32(at + 4) * 2 ** 32 : u32(at) * 2 ** 32 + u32(at + 4));
  const big = u16(2) === 43;
  const directory = big ? u64(8) : u32(4);
  const entryBytes = big ? 20 : 12;
  const first = directory + (big ? 8 : 2);
  const count = Math.min(big ? u64(directory) : u16(directory), 1_000);
  const tags = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const at = first + i * entryBytes;
    const type = u16(at + 2);
    const values = big ? u64(at + 4) : u32(at + 4);
    const size = values * (type === 3 ? 2 : 4);
    const inline = at + (big ? 12 : 8);
    const where = size <= (big ? 8 : 4) ? inline : big ? u64(inline) : u32(inline);
    if (type === 3) tags.set(u16(at), u16(where));
    else if (type === 4) tags.set(u16(at), u32(where));
  }
  return tags;
}
