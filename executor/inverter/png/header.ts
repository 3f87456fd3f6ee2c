import { ImageError } from "../imageError.js";

export const SIGNATURE_BYTES = 8;
const HEADER_BYTES = 13;
const MAX_SIDE = 2 ** 31 - 1;
/** Two rows are held. */
const MAX_ROW_BYTES = 256 * 1024 ** 2;

/** Of one colour type: how many samples a pixel has, how many of these are colours, and how many bits each may have. */
interface ColourType {
  samples: number;
  colours: number;
  depths: readonly number[];
}

const PALETTE = 3;
const COLOUR_TYPES: ReadonlyMap<number, ColourType> = new Map([
  [0, { samples: 1, colours: 1, depths: [1, 2, 4, 8, 16] }],
  [2, { samples: 3, colours: 3, depths: [8, 16] }],
  [PALETTE, { samples: 1, colours: 1, depths: [1, 2, 4, 8] }],
  [4, { samples: 2, colours: 1, depths: [8, 16] }],
  [6, { samples: 4, colours: 3, depths: [8, 16] }],
]);

/** What the IHDR chunk says. */
export interface PngHeader {
  width: number;
  height: number;
  /** Bits of a sample, or of an index into the palette. */
  depth: number;
  samples: number;
  /** How many of the samples are colours: they come before alpha. */
  colours: number;
  palette: boolean;
  interlaced: boolean;
}

/** Reads the IHDR chunk. Its CRC is checked with those of the other chunks. @throws ImageError */
export function readHeader(input: Buffer): PngHeader {
  const at = SIGNATURE_BYTES + 8;
  if (input.length < at + HEADER_BYTES + 4) throw new ImageError("broken image: the PNG ends within its header");
  if (input.toString("latin1", at - 4, at) !== "IHDR" || input.readUInt32BE(at - 8) !== HEADER_BYTES) {
    throw new ImageError("broken image: the PNG does not begin with an IHDR chunk of 13 bytes");
  }
  const [width, height] = [input.readUInt32BE(at), input.readUInt32BE(at + 4)];
  if (width === 0 || height === 0 || width > MAX_SIDE || height > MAX_SIDE) {
    throw new ImageError(`broken image: the PNG says that it is ${width} x ${height} pixels`);
  }
  const [depth = 0, colourType = 0, compression, filter, interlace] = input.subarray(at + 8, at + HEADER_BYTES);
  const type = COLOUR_TYPES.get(colourType);
  if (!type?.depths.includes(depth)) {
    throw new ImageError(`broken image: no PNG has the colour type ${colourType} with ${depth} bits`);
  }
  if (compression !== 0 || filter !== 0 || (interlace !== 0 && interlace !== 1)) {
    const methods = `compression ${compression}, filters ${filter}, interlace ${interlace}`;
    throw new ImageError(`broken image: the PNG names methods that do not exist (${methods})`);
  }
  const { samples, colours } = type;
  if ((width * depth * samples) / 8 > MAX_ROW_BYTES) {
    throw new ImageError(
      `is ${width} pixels wide, which is not supported: a row may take ${MAX_ROW_BYTES / 1024 ** 2} MiB`,
    );
  }
  return { width, height, depth, samples, colours, palette: colourType === PALETTE, interlaced: interlace === 1 };
}

/** From one byte to the byte that filters take for its left neighbour. */
export function pixelBytes({ depth, samples }: PngHeader): number {
  return Math.max(1, (depth * samples) / 8);
}
