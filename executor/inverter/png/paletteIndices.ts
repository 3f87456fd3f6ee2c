import type { PngHeader } from "./header.js";
import type { PieceHandler } from "./rows.js";

/** Finds the largest index that a pixel has: it may lie beyond the end of the palette. */
export class LargestIndex {
  index = 0;
  readonly see: PieceHandler;

  constructor({ depth }: PngHeader) {
    const largest = largestIndices(depth);
    this.see = ({ row, from, to, pixel, padding }) => {
      const last = row[to - 1 + pixel] ?? 0;
      let index = largest[(last >> padding) << padding] ?? 0;
      for (let i = from; i < to - 1; i++) index = Math.max(index, largest[row[i + pixel] ?? 0] ?? 0);
      this.index = Math.max(this.index, index);
    };
  }
}

/** For each byte the largest of the indices that are packed into it. */
function largestIndices(depth: number): Uint8Array {
  const mask = 2 ** depth - 1;
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    let largest = 0;
    for (let shift = 0; shift < 8; shift += depth) largest = Math.max(largest, (byte >> shift) & mask);
    return largest;
  });
}
