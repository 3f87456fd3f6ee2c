import { ImageError } from "../imageError.js";
import type { TiffDirectory, TiffFile } from "./tiffFile.js";
import { TAG } from "./tiffTags.js";

/** A strip or a tile. */
export interface TiffSegment {
  offset: number;
  /** As stored. */
  length: number;
  /** Whether the file does not say the length, or says one that can't be: all from its offset on may be something else's. */
  guessed: boolean;
  rows: number;
  /** Of a row, decoded. */
  rowBytes: number;
  /** The channel it holds, where each has segments of its own. */
  plane: number | undefined;
}

/** What a page says about its samples. */
export interface TiffForm {
  directory: TiffDirectory;
  /** To begin a message with: "" in a file of one page. */
  name: string;
  width: number;
  height: number;
  bits: number;
  samples: number;
  /** Of the samples: those after are alpha, and what else there may be. */
  colours: number;
  /** Which sample is an alpha that the colours are multiplied with. */
  associatedAlpha: number | undefined;
  predictor: boolean;
  photometric: number;
  compression: number;
}

/** 250 megapixels in tiles of 16 x 16. */
const MAX_SEGMENTS = 1_000_000;

/** Where the strips or tiles of a page are, plane after plane. @throws ImageError where they are not all there */
export function tiffSegments(file: TiffFile, page: TiffForm): TiffSegment[] {
  const { entries } = page.directory;
  const tiled = entries.has(TAG.tileOffsets) || entries.has(TAG.tileWidth);
  const numbers = (tag: number) => file.numbers(entries.get(tag));
  const apart = (numbers(TAG.planar)[0] ?? 1) === 2 && page.samples > 1;
  const broken = (what: string): never => {
    throw new ImageError(`${page.name}broken image: ${what}`);
  };
  const across = tiled ? (numbers(TAG.tileWidth)[0] ?? 0) : page.width;
  const down = tiled
    ? (numbers(TAG.tileHeight)[0] ?? 0)
    : Math.min(page.height, numbers(TAG.rowsPerStrip)[0] || page.height);
  if (across === 0 || down === 0) broken("its tiles have no size");
  const perPlane = Math.ceil(page.width / across) * Math.ceil(page.height / down);
  const count = perPlane * (apart ? page.samples : 1);
  if (count > MAX_SEGMENTS)
    throw new ImageError(`${page.name}has more than ${MAX_SEGMENTS} strips or tiles, which is not supported`);
  const offsets = file.numbers(entries.get(tiled ? TAG.tileOffsets : TAG.stripOffsets), count);
  const lengths = file.numbers(entries.get(tiled ? TAG.tileBytes : TAG.stripBytes), count);
  if (offsets.length < count) broken(`it has ${offsets.length} of ${count} ${tiled ? "tiles" : "strips"}`);
  const rowBytes = Math.ceil((across * (apart ? 1 : page.samples) * page.bits) / 8);
  return Array.from({ length: count }, (_, i) => {
    const offset = offsets[i] ?? 0;
    const rows = tiled ? down : Math.min(down, page.height - (i % perPlane) * down);
    const told = lengths[i] ?? 0;
    const left = Math.max(0, file.data.length - offset);
    const decoded = rows * rowBytes;
    const whole = page.compression === 1 ? decoded : left;
    // Decoders know better how long a strip is that says too much, and a single one that says too little.
    const guessed =
      told > left || (count === 1 && (told === 0 || (page.compression === 1 && !tiled && told < decoded)));
    const length = guessed ? whole : told;
    if (length === 0 || offset === 0) broken("it has strips or tiles without data");
    if (length > left) broken("the TIFF ends within its pixels");
    if (page.compression === 1 && length < decoded) broken("its strips or tiles are too short");
    return { offset, length, guessed, rows, rowBytes, plane: apart ? Math.floor(i / perPlane) : undefined };
  });
}
