import { ImageError } from "../imageError.js";
import type { PngHeader } from "./header.js";

/** The picture of a PNG, or a frame of its animation: compressed by itself. */
export interface Pixels {
  /** For messages. */
  name: string;
  type: "IDAT" | "fdAT";
  width: number;
  height: number;
  /** Where its chunks are: one after the other in each of the ranges. */
  ranges: { from: number; to: number }[];
}

const CONTROL_BYTES = 26;
/** Before the compressed bytes of an fdAT chunk: its number in the order of the animation. */
export const SEQUENCE_BYTES = 4;

const broken = (what: string) => new ImageError(`broken image: ${what}`);

/** Follows the chunks of an animated PNG: fcTL begins a frame, whose pixels are the picture (IDAT) or in fdAT chunks. */
export class Animation {
  readonly #header: PngHeader;
  /** As acTL says. Viewers show those that are there. */
  readonly #promised: number;
  /** What is told of each frame, without its chunk's number. */
  readonly controls: Buffer[] = [];
  /** How many there are of all frames. */
  ranges = 0;
  #sequence = 0;
  /** That of the last fcTL, before the first of its fdAT chunks. */
  #begun: { width: number; height: number } | undefined;
  #frame: Pixels | undefined;

  constructor(header: PngHeader, data: Buffer) {
    if (data.length !== 8) throw broken(`the PNG has an acTL chunk of ${data.length} bytes`);
    this.#header = header;
    this.#promised = data.readUInt32BE(0);
  }

  /** fcTL. @throws ImageError */
  begin(data: Buffer): void {
    const frame = this.controls.length + 1;
    if (data.length !== CONTROL_BYTES)
      throw broken(`frame ${frame} of the PNG has an fcTL chunk of ${data.length} bytes`);
    this.#count(data);
    this.#checkBegun();
    const [width = 0, height = 0, x = 0, y = 0] = [4, 8, 12, 16].map((at) => data.readUInt32BE(at));
    if (width === 0 || height === 0 || x + width > this.#header.width || y + height > this.#header.height) {
      throw broken(`frame ${frame} of the PNG is ${width} x ${height} pixels at ${x}, ${y}: not within the picture`);
    }
    this.#begun = { width, height };
    this.#frame = undefined;
    this.controls.push(data.subarray(SEQUENCE_BYTES));
  }

  /** The first IDAT. It is the first frame where an fcTL comes before it. */
  takePicture(): void {
    if (!this.#begun) return;
    const { width, height } = this.#begun;
    if (width !== this.#header.width || height !== this.#header.height) {
      throw broken(`the first frame of the PNG is ${width} x ${height} pixels, and the picture is not`);
    }
    this.#begun = undefined;
  }

  /** fdAT. Returns the pixels of a frame with its first chunk. @throws ImageError */
  takeData(from: number, to: number, data: Buffer): Pixels | undefined {
    const name = `frame ${this.controls.length} of the PNG`;
    if (data.length < SEQUENCE_BYTES) throw broken(`${name} has an fdAT chunk of ${data.length} bytes`);
    this.#count(data);
    if (this.#frame) {
      const last = this.#frame.ranges.at(-1);
      if (last?.to === from) last.to = to;
      else this.#frame.ranges.push(this.#range(from, to));
      return undefined;
    }
    if (!this.#begun) throw broken("the PNG has an fdAT chunk that belongs to no frame");
    this.#frame = { name, type: "fdAT", ...this.#begun, ranges: [this.#range(from, to)] };
    this.#begun = undefined;
    return this.#frame;
  }

  /** @param cut whether the end of the file is missing */
  finish(cut: boolean): void {
    this.#checkBegun();
    if (!cut || this.controls.length >= this.#promised) return;
    throw broken(`the PNG ends after ${this.controls.length} of its ${this.#promised} frames`);
  }

  #range(from: number, to: number): { from: number; to: number } {
    this.ranges += 1;
    return { from, to };
  }

  #checkBegun(): void {
    if (this.#begun) throw broken(`frame ${this.controls.length} of the PNG has no pixels`);
  }

  /** Viewers stop at a chunk that has another number. */
  #count(data: Buffer): void {
    const number = data.readUInt32BE(0);
    if (number !== this.#sequence) {
      throw broken(`the frames of the PNG are out of order: chunk ${number} is where ${this.#sequence} has to be`);
    }
    this.#sequence += 1;
  }
}
