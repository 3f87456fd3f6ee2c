import { comparable, type Picture, type PicturePage } from "../picture.js";
import type { Tiff } from "./invertTiff.js";
import { jpegColourStep } from "./jpegSampling.js";
import type { TiffDirectory, TiffEntry, TiffFile } from "./tiffFile.js";
import { TAG } from "./tiffTags.js";

/** Where the samples are, and how they are packed: what a page that is encoded anew may have other ways. */
const STORAGE: ReadonlySet<number> = new Set([
  ...[256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 330],
  ...[332, 334, 338, 339, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532],
]);
const EXIF = 34_665;
const GPS = 34_853;
const INTEROPERABILITY = 40_965;
const PARTS: ReadonlyMap<number, string> = new Map([
  [EXIF, "EXIF"],
  [GPS, "GPS"],
  [INTEROPERABILITY, "interoperability"],
]);
const COLOURS: ReadonlyMap<number, string> = new Map([
  [301, "transfer function"],
  [318, "white point"],
  [319, "primaries"],
  [34_675, "ICC profile"],
]);
const NAMES: ReadonlyMap<number, string> = new Map([
  [254, "NewSubfileType"],
  [269, "DocumentName"],
  [270, "ImageDescription"],
  [271, "Make"],
  [272, "Model"],
  [274, "Orientation"],
  [282, "XResolution"],
  [283, "YResolution"],
  [285, "PageName"],
  [296, "ResolutionUnit"],
  [297, "PageNumber"],
  [305, "Software"],
  [306, "DateTime"],
  [315, "Artist"],
  [316, "HostComputer"],
  [700, "XMP"],
  [33_432, "Copyright"],
  [33_550, "ModelPixelScale"],
  [33_723, "IPTC"],
  [33_922, "ModelTiepoint"],
  [34_377, "Photoshop"],
  [34_735, "GeoKeyDirectory"],
  [34_736, "GeoDoubleParams"],
  [34_737, "GeoAsciiParams"],
  [42_112, "GDAL_METADATA"],
]);

/** @throws ImageError */
export function tiffPicture(tiff: Tiff): Picture {
  const colours = new Map<string, string>();
  const texts = new Map<string, string>();
  const all = [...tiff.pages, ...tiff.inner];
  for (const [i, { directory }] of all.entries()) {
    collect(tiff.file, directory, all.length > 1 ? `page ${i + 1}'s ` : "", { colours, texts }, 0);
  }
  const pages = all.map((page): PicturePage => {
    const { width, height, samples: channels, bits: depth } = page;
    const colourStep = jpegColourStep(tiff.file, page);
    return { width, height, channels, depth, ...(colourStep && { colourStep }) };
  });
  for (const [i, { directory }] of all.entries()) {
    const extra = tiff.file.numbers(directory.entries.get(TAG.extraSamples));
    if (extra.length > 0) colours.set(`${all.length > 1 ? `page ${i + 1}'s ` : ""}alpha`, extra.join(", "));
  }
  const [first] = tiff.pages;
  const { width = 0, height = 0 } = first ?? {};
  return { format: "tiff", width, height, frames: tiff.pages.length, pages, colours, texts };
}

interface Values {
  colours: Map<string, string>;
  texts: Map<string, string>;
}

function collect(file: TiffFile, directory: TiffDirectory, prefix: string, values: Values, depth: number): void {
  const before = new Map<number, number>();
  for (const entry of directory.list) {
    const nth = (before.get(entry.tag) ?? 0) + 1;
    before.set(entry.tag, nth);
    if (depth === 0 && STORAGE.has(entry.tag)) continue;
    const part = PARTS.get(entry.tag);
    if (part !== undefined && depth < 2 && collectPart(file, entry, `${prefix}${part} `, values, depth)) continue;
    const colour = depth === 0 ? COLOURS.get(entry.tag) : undefined;
    const name = prefix + (colour ?? (depth === 0 ? NAMES.get(entry.tag) : undefined) ?? `tag ${entry.tag}`);
    const kept = colour === undefined ? values.texts : values.colours;
    kept.set(nth > 1 ? `${name} (${nth})` : name, comparable(file.value(entry)));
  }
}

/** False for one that is damaged: nobody reads it, and it stays what it is. */
function collectPart(file: TiffFile, entry: TiffEntry, prefix: string, values: Values, depth: number): boolean {
  const [at] = file.numbers(entry);
  if (at === undefined) return false;
  try {
    collect(file, file.directory(at, entry.valueAt), prefix, values, depth + 1);
    return true;
  } catch {
    return false;
  }
}
