import { directoryOf, field, fieldOf, type TiffValue } from "./directoryWriter.js";
import { jpegSampling } from "./jpegSampling.js";
import { TiffLayout } from "./layout.js";
import { longs, shorts } from "./numberLists.js";
import { LONG, SHORT, type TiffFile } from "./tiffFile.js";
import type { TiffPage } from "./tiffPage.js";
import { PREDICTED, TAG } from "./tiffTags.js";

const UNDEFINED = 7;

/**
 * The file with directories that hold nothing but what a decoder needs, in the order of the pages given. A decoder of it has
 * nothing to warn about but damaged pixels.
 */
export function pixelsOnly(file: TiffFile, pages: readonly TiffPage[]): Buffer {
  const layout = new TiffLayout(file, []);
  let next = 0;
  for (let i = pages.length - 1; i >= 0; i--) {
    const page = pages[i];
    if (page) next = layout.append(directoryOf(layout.file, values(file, layout, page), next));
  }
  layout.file.write(file.big ? 8 : 4, file.big ? 16 : LONG, next);
  return layout.finish();
}

function values(file: TiffFile, layout: TiffLayout, page: TiffPage): TiffValue[] {
  const { entries } = page.directory;
  const list: TiffValue[] = [];
  const numbers = (tag: number) => file.numbers(entries.get(tag));
  const putLongs = (tag: number, each: readonly number[]) => add(tag, LONG, each.length, longs(each, file.little));
  const putShorts = (tag: number, each: readonly number[]) => {
    if (each.length > 0) add(tag, SHORT, each.length, shorts(each, file.little));
  };
  function add(tag: number, type: number, count: number, value: Buffer): void {
    list.push({ tag, type, count, field: field(value, layout) });
  }
  // What is large stays where it is: thousands of pages may share it.
  function keep(tag: number, count?: number): void {
    const entry = entries.get(tag);
    if (!entry || entry.count < (count ?? 1) || !file.holds(entry)) return;
    list.push({
      tag,
      type: count === undefined ? UNDEFINED : entry.type,
      count: count ?? entry.bytes,
      field: fieldOf(file, entry),
    });
  }
  const { segments, samples, colours } = page;
  const tiled = entries.has(TAG.tileOffsets) || entries.has(TAG.tileWidth);
  putLongs(TAG.width, [page.width]);
  putLongs(TAG.height, [page.height]);
  putShorts(TAG.bits, new Array<number>(samples).fill(page.bits));
  putShorts(TAG.compression, [page.compression]);
  putShorts(TAG.photometric, [page.photometric]);
  putShorts(TAG.samples, [samples]);
  putShorts(TAG.planar, [segments[0]?.plane === undefined ? 1 : 2]);
  putShorts(TAG.fillOrder, numbers(TAG.fillOrder).slice(0, 1));
  putLongs(
    tiled ? TAG.tileOffsets : TAG.stripOffsets,
    segments.map(({ offset }) => offset),
  );
  putLongs(
    tiled ? TAG.tileBytes : TAG.stripBytes,
    segments.map(({ length }) => length),
  );
  if (tiled) {
    putLongs(TAG.tileWidth, numbers(TAG.tileWidth).slice(0, 1));
    putLongs(TAG.tileHeight, numbers(TAG.tileHeight).slice(0, 1));
  } else {
    putLongs(TAG.rowsPerStrip, [segments[0]?.rows ?? page.height]);
  }
  if (PREDICTED.has(page.compression)) putShorts(TAG.predictor, numbers(TAG.predictor).slice(0, 1));
  const extra = numbers(TAG.extraSamples);
  putShorts(
    TAG.extraSamples,
    Array.from({ length: samples - colours }, (_, i) => extra[i] ?? 0),
  );
  if (page.photometric === 3) keep(TAG.colourMap, 3 * 2 ** page.bits);
  putShorts(TAG.inkSet, numbers(TAG.inkSet).slice(0, 1));
  const option = page.compression === 3 ? TAG.t4Options : page.compression === 4 ? TAG.t6Options : undefined;
  if (option !== undefined && entries.has(option)) putLongs(option, numbers(option).slice(0, 1));
  const sampling = jpegSampling(file, page);
  if (sampling) putShorts(TAG.subsampling, sampling);
  keep(TAG.jpegTables);
  keep(TAG.iccProfile);
  return list;
}
