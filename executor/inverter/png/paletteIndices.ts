import { ImageError } from "../imageError.js";
import type { PngHeader } from "./header.js";
import type { PieceHandler } from "./rows.js";

/**
 * Refuses pixels that name a colour beyond the end of the palette. Viewers show them black or not at all, and would go
 * on to do so when the palette is inverted.
 */
export function indexCheck({ depth }: PngHeader, colours: number): PieceHandler | undefined {
  if (colours >= 2 ** depth) return undefined;
  const largest = largestIndices(depth);
  return ({ row, from, to, pixel, padding }) => {
    const last = row[to - 1 + pixel] ?? 0;
    let index = largest[(last >> padding) << padding] ?? 0;
    for (let i = from; i < to - 1; i++) index = Math.max(index, largest[row[i + pixel] ?? 0] ?? 0);
    if (index < colours) return;
    throw new ImageError(`broken image: a pixel has the colour ${index} of a palette that ends at ${colours - 1}`);
  };
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
