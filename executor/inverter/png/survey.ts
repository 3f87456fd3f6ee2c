import { ImageError } from "../imageError.js";
import type { Turns } from "../turns.js";
import { fateOf, isAncillary, tellsColours } from "./ancillary.js";
import { Animation, type Pixels } from "./animation.js";
import { type Chunk, chunkAt, chunkOf, hasRightCrc, isChunkName } from "./chunks.js";
import { type PngHeader, SIGNATURE_BYTES } from "./header.js";

/** Beside those with pixels. Known files have some dozens at most. */
const MAX_CHUNKS = 10_000;

/** A PNG but for its pixels: checked, and with all colours inverted that are not in its pixels. */
export interface Survey {
  /** The result, in order. */
  parts: Part[];
  /** The picture, and the frames that have pixels of their own. */
  pixels: Pixels[];
  /** 1, or the frames of an animation. */
  frames: number;
  /** The chunks that stay, but for those without which there is no PNG. */
  kept: KeptChunk[];
}

/** A part of the result. With a palette the pixels stay, and are among the bytes. */
export type Part =
  /** What stays is a part of the input. */
  | { kind: "bytes"; bytes: Buffer }
  /** The palette of the pixels, with its colours inverted. */
  | { kind: "palette"; colours: Buffer }
  /** The description of a frame in an fcTL chunk, without the chunk's number. */
  | { kind: "control"; data: Buffer }
  | { kind: "pixels"; pixels: Pixels };

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
    const whole = await hasRightCrc(input, chunk, turns);
    if (whole) surveyor.take(at, chunk);
    else if (chunk.type === "IEND") return surveyor.finishWithEnd(at, chunk.end);
    else surveyor.leaveOut(at, chunk);
    at = chunk.end;
    if (chunk.type === "IEND") return surveyor.finish(at, false);
  }
}

/**
 * If the IEND chunk is missing or truncated, or something else is in its place, viewers still show the picture. Returns
 * where the data after the new end begins; undefined if the chunk is there.
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
  readonly #parts: Part[] = [];
  readonly #pixels: Pixels[] = [];
  readonly #kept: KeptChunk[] = [];
  #hasPalette = false;
  /** From its acTL chunk on, which viewers look for before the picture. */
  #animation: Animation | undefined;
  #chunks = 0;
  /** From here on the input stays as it is, and is not yet among the parts. */
  #keptFrom = 0;

  constructor(input: Buffer, header: PngHeader) {
    this.#input = input;
    this.#header = header;
  }

  get hasPixels(): boolean {
    return this.#pixels.length > 0;
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
    const { type, dataFrom, dataTo, end } = chunk;
    const data = this.#input.subarray(dataFrom, dataTo);
    if (type === "IDAT") this.#takePicture(from, end);
    else if (type === "fdAT" && this.#animation) this.#takeFrame(this.#animation, { from, end, data });
    else this.#takeOther(from, chunk, data);
  }

  /** Writes the end anew. @param at where it has to be @param tailFrom where what follows it begins */
  finishWithEnd(at: number, tailFrom: number): Survey {
    this.#flush(at, tailFrom);
    this.#parts.push({ kind: "bytes", bytes: END });
    return this.finish(tailFrom, true);
  }

  /** @param at where the PNG ends; what follows is not part of it, and stays */
  finish(at: number, cut: boolean): Survey {
    if (!this.hasPixels) throw new ImageError("broken image: the PNG has no pixels: no IDAT chunk");
    this.#animation?.finish(cut);
    this.#flush(this.#input.length, at);
    const controls = this.#animation?.controls ?? [];
    for (const data of controls) this.#kept.push({ type: "fcTL", data });
    return {
      parts: this.#parts,
      pixels: this.#pixels,
      frames: Math.max(1, controls.length),
      kept: this.#kept,
    };
  }

  #count(): void {
    this.#chunks += 1;
    if (this.#chunks <= MAX_CHUNKS) return;
    throw new ImageError(`has more than ${MAX_CHUNKS} chunks beside its pixels, which is not supported`);
  }

  /** Adds what stays before `to`; what comes next that stays begins at `next`. */
  #flush(to: number, next: number): void {
    if (to > this.#keptFrom) this.#parts.push({ kind: "bytes", bytes: this.#input.subarray(this.#keptFrom, to) });
    this.#keptFrom = next;
  }

  #takePicture(from: number, end: number): void {
    const [picture] = this.#pixels;
    const range = picture?.ranges[0];
    if (!range) {
      if (this.#header.palette && !this.#hasPalette) {
        throw new ImageError("broken image: the PNG has no palette before its pixels");
      }
      this.#animation?.takePicture();
      const { width, height } = this.#header;
      this.#addPixels(from, end, { name: "the PNG", type: "IDAT", width, height, ranges: [{ from, to: end }] });
      return;
    }
    if (range.to !== from) throw new ImageError("broken image: other chunks are between the IDAT chunks of the PNG");
    range.to = end;
    this.#leavePixels(from, end);
  }

  #takeFrame(animation: Animation, { from, end, data }: { from: number; end: number; data: Buffer }): void {
    if (!this.hasPixels) throw new ImageError("broken image: the PNG has a frame before its picture");
    const before = animation.ranges;
    const pixels = animation.takeData(from, end, data);
    if (animation.ranges > before) this.#count();
    if (pixels) this.#addPixels(from, end, pixels);
    else this.#leavePixels(from, end);
  }

  #addPixels(from: number, end: number, pixels: Pixels): void {
    this.#pixels.push(pixels);
    if (this.#header.palette) return;
    this.#flush(from, end);
    this.#parts.push({ kind: "pixels", pixels });
  }

  /** More chunks of what is inverted at its first one. */
  #leavePixels(from: number, end: number): void {
    if (!this.#header.palette) this.#flush(from, end);
  }

  #takeOther(from: number, { type, end }: Chunk, data: Buffer): void {
    this.#count();
    this.#check(from, type, data);
    if (type === "fcTL" && this.#animation) {
      this.#animation.begin(data);
      if (this.#header.palette) return;
      this.#flush(from, end);
      this.#parts.push({ kind: "control", data });
      return;
    }
    const fate = fateOf(type, data, this.#header);
    if (fate.kind === "stays") {
      if (isAncillary(type)) this.#kept.push({ type, data });
      return;
    }
    this.#flush(from, end);
    if (fate.kind === "goes") return;
    if (type === "PLTE" && this.#header.palette) this.#parts.push({ kind: "palette", colours: fate.data });
    else this.#parts.push({ kind: "bytes", bytes: Buffer.concat(chunkOf(type, [fate.data])) });
  }

  #check(from: number, type: string, data: Buffer): void {
    if (type === "IHDR" && from !== SIGNATURE_BYTES) throw new ImageError("broken image: the PNG has two IHDR chunks");
    if (type === "PLTE") this.#checkPalette(data);
    if (type === "acTL" && !this.hasPixels) this.#animation ??= new Animation(this.#header, data);
  }

  #checkPalette({ length }: Buffer): void {
    if (this.#hasPalette) throw new ImageError("broken image: the PNG has two palettes");
    if (length === 0 || length % 3 !== 0 || length > 3 * 256) {
      throw new ImageError(`broken image: the PNG has a palette of ${length} bytes`);
    }
    this.#hasPalette = true;
  }
}
