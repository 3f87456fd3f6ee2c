import { ImageError } from "../imageError.js";
import { fateOf, isAncillary } from "./ancillary.js";
import { type Chunk, checkCrc, chunkAt, chunkOf } from "./chunks.js";
import { type PngHeader, SIGNATURE_BYTES } from "./header.js";
import { Pace } from "./pace.js";

/** Beside those with pixels. Known files have some dozens at most. */
const MAX_CHUNKS = 10_000;

/** A PNG but for its pixels: checked, and with all colours inverted that are not in its pixels. */
export interface Survey {
  /** What the result has before its pixels and after them. What stays are parts of the input. */
  before: Buffer[];
  after: Buffer[];
  /** Where the chunks with the pixels begin and end. */
  pixelsFrom: number;
  pixelsTo: number;
  /** How many colours the palette has; 0 without one. */
  paletteColours: number;
  /** 1, or the frames of an animation. */
  frames: number;
  /** The chunks that stay, but for those without which there is no PNG. */
  kept: KeptChunk[];
}

export interface KeptChunk {
  type: string;
  data: Buffer;
}

/** Goes through all chunks. @throws ImageError if one of them is broken, missing, or not supported */
export async function survey(input: Buffer, header: PngHeader): Promise<Survey> {
  const surveyor = new Surveyor(input, header);
  const pace = new Pace();
  let at = SIGNATURE_BYTES;
  let type = "";
  while (type !== "IEND") {
    const chunk = chunkAt(input, at);
    type = chunk.type;
    surveyor.checkKind(chunk);
    await checkCrc(input, chunk, pace);
    surveyor.take(at, chunk);
    at = chunk.end;
  }
  return surveyor.finish(at);
}

class Surveyor {
  readonly #input: Buffer;
  readonly #header: PngHeader;
  readonly #before: Buffer[] = [];
  readonly #after: Buffer[] = [];
  readonly #kept: KeptChunk[] = [];
  #pixelsFrom = 0;
  #pixelsTo = 0;
  #paletteColours = 0;
  #animated = false;
  /** Each begins with an fcTL chunk. What acTL says of their number may be anything. */
  #frames = 0;
  #chunks = 0;
  /** From here on the input stays as it is, and is not yet among the parts. */
  #keptFrom = 0;

  constructor(input: Buffer, header: PngHeader) {
    this.#input = input;
    this.#header = header;
  }

  /** What can't be inverted anyway needs no right CRC. */
  checkKind({ type }: Chunk): void {
    if (type !== "acTL" || this.#header.palette) return;
    throw new ImageError("is an animated PNG, which is not supported: only its first frame would be left");
  }

  take(from: number, chunk: Chunk): void {
    if (chunk.type === "IDAT") {
      this.#takePixels(from, chunk);
      return;
    }
    this.#chunks += 1;
    if (this.#chunks > MAX_CHUNKS) {
      throw new ImageError(`has more than ${MAX_CHUNKS} chunks beside its pixels, which is not supported`);
    }
    const data = this.#input.subarray(chunk.dataFrom, chunk.dataTo);
    this.#check(from, chunk.type, data);
    const fate = fateOf(chunk.type, data, this.#header);
    if (fate.kind === "stays") {
      if (isAncillary(chunk.type)) this.#kept.push({ type: chunk.type, data });
      return;
    }
    this.#flush(from, chunk.end);
    if (fate.kind === "changes") this.#parts.push(Buffer.concat(chunkOf(chunk.type, [fate.data])));
  }

  /** @param at where the PNG ends; what follows is no part of it, and stays */
  finish(at: number): Survey {
    if (this.#pixelsFrom === 0) throw new ImageError("broken image: the PNG has no pixels: no IDAT chunk");
    this.#flush(this.#input.length, at);
    return {
      before: this.#before,
      after: this.#after,
      pixelsFrom: this.#pixelsFrom,
      pixelsTo: this.#pixelsTo,
      paletteColours: this.#paletteColours,
      frames: Math.max(1, this.#frames),
      kept: this.#kept,
    };
  }

  get #parts(): Buffer[] {
    return this.#pixelsFrom === 0 ? this.#before : this.#after;
  }

  /** Adds what stays before `to`; what comes next that stays begins at `next`. */
  #flush(to: number, next: number): void {
    if (to > this.#keptFrom) this.#parts.push(this.#input.subarray(this.#keptFrom, to));
    this.#keptFrom = next;
  }

  #takePixels(from: number, { end }: Chunk): void {
    if (this.#pixelsFrom === 0) {
      if (this.#header.palette && this.#paletteColours === 0) {
        throw new ImageError("broken image: the PNG has no palette before its pixels");
      }
      this.#flush(from, end);
      this.#pixelsFrom = from;
    } else if (this.#pixelsTo !== from) {
      throw new ImageError("broken image: other chunks are between the IDAT chunks of the PNG");
    }
    this.#pixelsTo = end;
    this.#keptFrom = end;
  }

  #check(from: number, type: string, data: Buffer): void {
    if (type === "IHDR" && from !== SIGNATURE_BYTES) throw new ImageError("broken image: the PNG has two IHDR chunks");
    if (type === "PLTE") this.#checkPalette(data);
    if (type === "acTL" && this.#pixelsFrom === 0) this.#animated = true;
    if (type === "fcTL" && this.#animated) this.#frames += 1;
  }

  #checkPalette({ length }: Buffer): void {
    if (this.#paletteColours > 0) throw new ImageError("broken image: the PNG has two palettes");
    if (length === 0 || length % 3 !== 0 || length > 3 * 256) {
      throw new ImageError(`broken image: the PNG has a palette of ${length} bytes`);
    }
    this.#paletteColours = length / 3;
  }
}
