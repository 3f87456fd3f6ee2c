import { endianness } from "node:os";
import type { TiffPage } from "./tiffPage.js";
import type { TiffSegment } from "./tiffSegments.js";

const HOST_IS_LITTLE = endianness() === "LE";

/** Complements the colours in the decoded samples of a strip or tile, where they are. */
export function invertSamples(data: Buffer, page: TiffPage, segment: TiffSegment, little: boolean): void {
  const { plane } = segment;
  if (plane !== undefined && plane >= page.colours) return;
  // The complement of a sample of any width is the complement of its bits.
  if (!page.predictor && (plane !== undefined || page.samples === page.colours)) return complement(data);
  const samples = plane === undefined ? page.samples : 1;
  const colours = plane === undefined ? page.colours : 1;
  if (page.bits <= 8) return invertRows(data, page, { samples, colours, row: segment.rowBytes, white: 0xff });
  const swapped = little !== HOST_IS_LITTLE;
  if (swapped) data.swap16();
  const values = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  invertRows(values, page, { samples, colours, row: segment.rowBytes / 2, white: 0xffff });
  if (swapped) data.swap16();
}

interface Rows {
  samples: number;
  colours: number;
  /** Values of a row. */
  row: number;
  white: number;
}

function invertRows(values: Uint8Array | Uint16Array, page: TiffPage, rows: Rows): void {
  const { row } = rows;
  for (let from = 0; from < values.length; from += row) {
    // The predictor stores the difference from the pixel before.
    if (page.predictor) for (let i = from + rows.samples; i < from + row; i++) add(values, i, values[i - rows.samples]);
    invertRow(values, from, page.associatedAlpha, rows);
    if (page.predictor) {
      for (let i = from + row - 1; i >= from + rows.samples; i--) add(values, i, -(values[i - rows.samples] ?? 0));
    }
  }
}

function add(values: Uint8Array | Uint16Array, i: number, value = 0): void {
  values[i] = (values[i] ?? 0) + value;
}

function invertRow(values: Uint8Array | Uint16Array, from: number, alpha: number | undefined, rows: Rows): void {
  const { samples, colours, row, white } = rows;
  for (let pixel = from; pixel < from + row; pixel += samples) {
    // Where colours are multiplied with alpha, that is their white.
    const top = alpha === undefined ? white : (values[pixel + alpha] ?? 0);
    for (let i = pixel; i < pixel + colours; i++) values[i] = Math.max(0, top - (values[i] ?? 0));
  }
}

/** Every bit the other way: a whole word at a time where the memory allows it. */
export function complement(data: Buffer): void {
  const lead = Math.min(data.length, (4 - (data.byteOffset % 4)) % 4);
  const words = Math.floor((data.length - lead) / 4);
  for (let i = 0; i < lead; i++) data[i] = ~(data[i] ?? 0);
  const values = new Uint32Array(data.buffer, data.byteOffset + lead, words);
  for (let i = 0; i < words; i++) values[i] = ~(values[i] ?? 0);
  for (let i = lead + words * 4; i < data.length; i++) data[i] = ~(data[i] ?? 0);
}
