import type { PngHeader } from "./header.js";

/** A picture within the file's pixels: the whole one, or one of the seven of an interlaced PNG. */
export interface Pass {
  height: number;
  /** Of a row, without the byte that names its filter. */
  rowBytes: number;
  /** Bits at the end of a row that belong to no pixel. */
  padding: number;
}

/** First column, first row, and the steps to the next ones. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** In the order of the file, without those that have no pixels. */
export function passesOf(header: PngHeader): Pass[] {
  const { width, height } = header;
  const sizes = header.interlaced
    ? ADAM7.map(([x, y, dx, dy]) => ({ width: Math.ceil((width - x) / dx), height: Math.ceil((height - y) / dy) }))
    : [{ width, height }];
  return sizes
    .filter((size) => size.width > 0 && size.height > 0)
    .map(({ width, height }) => {
      const bits = width * header.depth * header.samples;
      const rowBytes = Math.ceil(bits / 8);
      return { height, rowBytes, padding: 8 * rowBytes - bits };
    });
}
