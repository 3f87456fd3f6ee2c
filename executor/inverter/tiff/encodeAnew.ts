import type { TiffOptions } from "sharp";
import { jpegQuality } from "../jpegQuality.js";
import { field, fieldOf, replaceDirectory, type TiffValue } from "./directoryWriter.js";
import { jpegSampling } from "./jpegSampling.js";
import type { TiffLayout } from "./layout.js";
import { longs } from "./numberLists.js";
import { LONG, type TiffEntry, type TiffFile } from "./tiffFile.js";
import type { TiffPage } from "./tiffPage.js";
import { TAG } from "./tiffTags.js";

/** How samples are stored. These tags come from the encoder; all others stay those of the input. */
const STORAGE: ReadonlySet<number> = new Set([
  ...[256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 322, 323, 324, 325, 332, 334, 338, 339],
  ...[347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532],
]);
const CODECS: Readonly<Record<number, TiffOptions["compression"]>> = {
  1: "none",
  5: "lzw",
  7: "jpeg",
  8: "deflate",
  32946: "deflate",
  32773: "packbits",
};

/** From here on, the encoder keeps the resolution of colours, and below it halves it. */
const FULL_COLOUR_QUALITY = 90;
const MIN_JPEG_QUALITY = 50;

/** As the page has it; a page that keeps the resolution of its colours gets the quality that does. */
function pageJpegQuality(file: TiffFile, page: TiffPage): number {
  const { directory, samples } = page;
  const tables = directory.entries.get(TAG.jpegTables);
  const quality = Math.max(MIN_JPEG_QUALITY, (tables && jpegQuality(file.value(tables))) ?? FULL_COLOUR_QUALITY);
  if (samples === 1) return quality;
  const halved = jpegSampling(file, page)?.every((pixels) => pixels === 2);
  return halved ? Math.min(FULL_COLOUR_QUALITY - 1, quality) : Math.max(FULL_COLOUR_QUALITY, quality);
}

/** How a page is encoded that can't stay as it is. A compression that can't be written becomes deflate, which loses nothing. */
export function anewOptions(file: TiffFile, page: TiffPage): TiffOptions {
  const { compression, predictor, directory, bits } = page;
  const codec = CODECS[compression] ?? "deflate";
  const low = bits === 1 || bits === 2 || bits === 4 ? { bitdepth: bits } : {};
  return {
    compression: codec,
    quality: pageJpegQuality(file, page),
    tile: directory.entries.has(TAG.tileWidth),
    predictor: predictor ? "horizontal" : "none",
    ...low,
  } as TiffOptions;
}

/** Takes over the samples of a page that was encoded by itself, and gives it a directory that has the input's other tags. */
export function graftPage(layout: TiffLayout, page: TiffPage, encoded: TiffFile): void {
  const [directory] = encoded.pages();
  if (!directory) return;
  const { little } = layout.file;
  const values: TiffValue[] = [];
  for (const entry of page.directory.list) {
    // Of the result: pictures within the page have moved by now.
    if (!STORAGE.has(entry.tag)) values.push({ ...entry, field: fieldOf(layout.file, entry) });
  }
  for (const entry of directory.list) {
    if (!STORAGE.has(entry.tag)) continue;
    if (entry.tag !== TAG.tileOffsets && entry.tag !== TAG.stripOffsets) {
      values.push({ ...entry, field: field(turned(encoded, entry, little), layout) });
      continue;
    }
    const list = longs(placeSegments(encoded, directory.entries, layout), little);
    values.push({ tag: entry.tag, type: LONG, count: entry.count, field: field(list, layout) });
  }
  replaceDirectory(layout, page.directory, values);
}

function placeSegments(encoded: TiffFile, entries: ReadonlyMap<number, TiffEntry>, layout: TiffLayout): number[] {
  const tiled = entries.has(TAG.tileOffsets);
  const [offsetsOf, lengthsOf] = [
    entries.get(tiled ? TAG.tileOffsets : TAG.stripOffsets),
    entries.get(tiled ? TAG.tileBytes : TAG.stripBytes),
  ];
  const lengths = encoded.numbers(lengthsOf, lengthsOf?.count);
  const offsets = encoded.numbers(offsetsOf, offsetsOf?.count);
  return offsets.map((from, i) => layout.place(encoded.data.subarray(from, from + (lengths[i] ?? 0))));
}

/** The value in the byte order of the result; the encoder writes little-endian. */
function turned(encoded: TiffFile, entry: TiffEntry, little: boolean): Buffer {
  const value = Buffer.from(encoded.value(entry));
  if (little === encoded.little) return value;
  if (entry.type === 3) return value.swap16();
  if (entry.type === 4 || entry.type === 5) return value.swap32();
  return value;
}
