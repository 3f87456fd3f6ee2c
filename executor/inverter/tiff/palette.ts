import { complement } from "./samples.js";
import { SHORT } from "./tiffFile.js";

/**
 * Complements the colours of a palette, where they are. They have 16 bits; but some programs write them with 8, and readers
 * take a palette for such a one when no value in it is over 255.
 */
export function invertPalette(colours: Buffer, type: number, little: boolean): void {
  if (type !== SHORT) return complement(colours);
  const high = little ? 1 : 0;
  // One that is all black is black in both ways, and only white of 16 bits is white to all readers.
  if (colours.some((value) => value !== 0) && !hasHigh(colours, high)) {
    for (let i = 1 - high; i < colours.length; i += 2) colours[i] = 255 - (colours[i] ?? 0);
    return;
  }
  complement(colours);
  // What was nearly white would be taken for one of 8 bits, and be white again.
  if (!hasHigh(colours, high)) colours.fill(0);
}

function hasHigh(colours: Buffer, high: number): boolean {
  for (let i = high; i < colours.length; i += 2) if (colours[i] !== 0) return true;
  return false;
}
