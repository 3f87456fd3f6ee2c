const MAX_CODES = 4_096;

/** How many pixels the blocks of a frame bring, up to as many as are asked for. @param at of the byte before the blocks */
export function countPixels(data: Buffer, at: number, enough: number): number {
  const rootBits = data[at] ?? 0;
  if (rootBits < 1 || rootBits > 11) return 0;
  const clear = 2 ** rootBits;
  const lengths = new Uint32Array(MAX_CODES);
  let [next, width, previous, pixels] = [clear + 2, rootBits + 1, 0, 0];
  for (const code of codes(data, at + 1, () => width)) {
    if (code === clear + 1 || pixels >= enough) break;
    if (code === clear) {
      [next, width, previous] = [clear + 2, rootBits + 1, 0];
      continue;
    }
    if (code > next || (code === next && previous === 0)) break;
    const length = code < clear ? 1 : code === next ? previous + 1 : (lengths[code] ?? 0);
    pixels += length;
    if (previous > 0 && next < MAX_CODES) {
      lengths[next++] = previous + 1;
      if (next === 2 ** width && width < 12) width += 1;
    }
    previous = length;
  }
  return Math.min(pixels, enough);
}

/** The codes in the blocks, the first bit in a byte's lowest. */
function* codes(data: Buffer, from: number, width: () => number): Generator<number> {
  let [hold, held] = [0, 0];
  for (let at = from; at < data.length; ) {
    const end = at + 1 + (data[at] ?? 0);
    if (end === at + 1 || end > data.length) return;
    for (let i = at + 1; i < end; i++) {
      hold |= (data[i] ?? 0) << held;
      held += 8;
      while (held >= width()) {
        const bits = width();
        yield hold & ((1 << bits) - 1);
        hold >>>= bits;
        held -= bits;
      }
    }
    at = end;
  }
}
