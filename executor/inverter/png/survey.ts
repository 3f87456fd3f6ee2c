import { ImageError } from "../imageError.js";
import type { Turns } from "../turns.js";
import { fateOf, isAncillary, tellsColours } from "./ancillary.js";
import { type Chunk, chunkAt, chunkOf, hasRightCrc, isChunkName } from "./chunks.js";
import { type PngHeader, SIGNATURE_BYTES } from "./header.js";

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
  /** The palette with its colours inverted, and which of the parts before the pixels is its chunk. */
  palette: { colours: Buffer; part: number } | undefined;
  /** 1, or the frames of an animation. */
  frames: number;
  animated: boolean;
  /** The chunks that stay, but for those without which there is no PNG. */
  kept: KeptChunk[];
}

export interface KeptChunk {
  type: string;
  data: Buffer;
}

const END = Buffer.concat(chunkOf("IEND", []));

/** Goes through all chunks. @throws ImageError if one of them is broken, missing, or not supported */
export async function survey(input: Buffer, header: PngHeader, turns: Turns): Promise<Survey> {
  const surveyor = new Surveyor(input, header);
  for (let at = SIGNATURE_BYTES; ; ) {
    const tailFrom = surveyor.hasPixels ? lostEnd(input, at) : undefined;
    if (tailFrom !== undefined) return surveyor.finishWithEnd(at, tailFrom);
    const chunk = chunkAt(input, at);
    surveyor.checkKind(chunk);
    const whole = await hasRightCrc(input, chunk, turns);
    if (whole) surveyor.take(at, chunk);
    else if (chunk.type === "IEND") return surveyor.finishWithEnd(at, chunk.end);
    else surveyor.leaveOut(at, chunk);
    at = chunk.end;
    if (chunk.type === "IEND") return surveyor.finish(at);
  }
}

/**
 * Where the IEND chunk is missing or cut, or something else is in its place, viewers show the picture all the same. Tells where
 * what stays behind the new end begins; undefined where a chunk is there.
 */
function lostEnd(input: Buffer, at: number): number | undefined {
  const rest = input.subarray(at, at + END.length);
  const named = Math.min(8, rest.length);
  if (rest.length < END.length && rest.subarray(0, named).equals(END.subarray(0, named))) return input.length;
  return rest.length >= 8 && !isChunkName(rest.toString("latin1", 4, 8)) ? at : undefined;
}

class Surveyor {
  readonly #input: Buffer;
  readonly #header: PngHeader;
  readonly #before: Buffer[] = [];
  readonly #after: Buffer[] = [];
  readonly #kept: KeptChunk[] = [];
  #pixelsFrom = 0;
  #pixelsTo = 0;
  #palette: Survey["palette"];
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

  get hasPixels(): boolean {
    return this.#pixelsFrom > 0;
  }

  /** Viewers pass over a chunk with a wrong CRC. Without one that tells colours the picture would look otherwise elsewhere. */
  leaveOut(from: number, { type, end }: Chunk): void {
    this.#count();
    if (!isAncillary(type)) throw new ImageError(`broken image: the CRC of the ${type} chunk at byte ${from} is wrong`);
    if (tellsColours(type)) {
      throw new ImageError(
        `broken image: its ${type} chunk is damaged (the CRC of the chunk at byte ${from} is wrong)`,
      );
    }
    this.#flush(from, end);
  }

  take(from: number, chunk: Chunk): void {
    if (chunk.type === "IDAT") {
      this.#takePixels(from, chunk);
      return;
    }
    this.#count();
    const data = this.#input.subarray(chunk.dataFrom, chunk.dataTo);
    this.#check(from, chunk.type, data);
    const fate = fateOf(chunk.type, data, this.#header);
    if (fate.kind === "stays") {
      if (isAncillary(chunk.type)) this.#kept.push({ type: chunk.type, data });
      return;
    }
    this.#flush(from, chunk.end);
    if (fate.kind === "goes") return;
    if (chunk.type === "PLTE") this.#palette = { colours: fate.data, part: this.#parts.length };
    this.#parts.push(Buffer.concat(chunkOf(chunk.type, [fate.data])));
  }

  /** Writes the end anew. @param at where it has to be @param tailFrom where what follows it begins */
  finishWithEnd(at: number, tailFrom: number): Survey {
    this.#flush(at, tailFrom);
    this.#parts.push(END);
    return this.finish(tailFrom);
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
      palette: this.#palette,
      frames: Math.max(1, this.#frames),
      animated: this.#animated,
      kept: this.#kept,
    };
  }

  #count(): void {
    this.#chunks += 1;
    if (this.#chunks <= MAX_CHUNKS) return;
    throw new ImageError(`has more than ${MAX_CHUNKS} chunks beside its pixels, which is not supported`);
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
      if (this.#header.palette && !this.#palette) {
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
    if (this.#palette) throw new ImageError("broken image: the PNG has two palettes");
    if (length === 0 || length % 3 !== 0 || length > 3 * 256) {
      throw new ImageError(`broken image: the PNG has a palette of ${length} bytes`);
    }
  }
}
