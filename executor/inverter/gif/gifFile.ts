import { ImageError } from "../imageError.js";

export interface GifFrame {
  /** Of its picture, which may be smaller than the screen. */
  width: number;
  height: number;
  /** Whether its colours are the file's or its own: one of both has to be there. */
  hasColours: boolean;
  /** Of its compressed pixels: the byte before the first block. */
  pixelsAt: number;
}

export interface GifFile {
  data: Buffer;
  width: number;
  height: number;
  /** Where colour tables are. */
  tables: { at: number; bytes: number }[];
  frames: GifFrame[];
  /** Comments, loops, delays and what programs add: their bytes, from the label to the end of the blocks. */
  extensions: { label: number; bytes: Buffer }[];
  /** After the last frame or extension. What follows is a trailer, nothing, or what programs do not read. */
  end: number;
  /** Zeros between blocks, which mean nothing. */
  strays: { from: number; to: number }[];
  /** False where even the end of the last frame's blocks is missing. */
  terminated: boolean;
}

const EXTENSION = 0x21;
/** Delay and transparency of the frame after it. */
const CONTROL = 0xf9;
const TRAILER = 0x3b;
const IMAGE = 0x2c;

/** Frames and extensions. */
const MAX_BLOCKS = 1_000_000;

const broken = (what: string) => new ImageError(`broken image: ${what}`);

/** Reads the structure of a GIF. A missing trailer is nothing that any program minds. @throws ImageError */
export function readGif(data: Buffer): GifFile {
  return new GifReader(data).read();
}

class GifReader {
  readonly #file: GifFile;
  readonly #data: Buffer;
  #at = 13;

  constructor(data: Buffer) {
    if (data.length < 13) throw broken("the GIF ends too early");
    this.#data = data;
    const [width, height] = [data.readUInt16LE(6), data.readUInt16LE(8)];
    this.#file = { data, width, height, tables: [], frames: [], extensions: [], strays: [], end: 0, terminated: true };
  }

  read(): GifFile {
    const file = this.#file;
    const common = this.#table(this.#byte(10));
    for (let blocks = 0; this.#block(common); blocks++) {
      if (blocks > MAX_BLOCKS) throw new ImageError(`has more than ${MAX_BLOCKS} blocks, which is not supported`);
    }
    if (file.frames.length > 0 && this.#hasFrameBehind()) {
      throw broken(
        "the GIF has bytes between its frames that belong to none; save it anew with the program that shows it right",
      );
    }
    if (file.frames.length > 0) return file;
    throw broken(file.end >= this.#data.length ? "the GIF ends too early" : "the GIF has no frame");
  }

  /** False at a trailer, the end, or what belongs to no GIF: programs show what came before. */
  #block(common: boolean): boolean {
    const from = this.#at;
    this.#file.end = from;
    while (this.#data[this.#at] === 0) this.#at += 1;
    const block = this.#data[this.#at];
    if (block !== EXTENSION && block !== IMAGE) return false;
    if (this.#at > from) this.#file.strays.push({ from, to: this.#at });
    this.#at += 1;
    if (block === EXTENSION) return this.#extension();
    this.#frame(common);
    return true;
  }

  /** False where it is cut, and no frame can have followed it. */
  #extension(): boolean {
    const from = this.#at;
    const label = this.#byte(from);
    this.#at += 1;
    if (this.#skipBlocks()) {
      this.#file.extensions.push({ label, bytes: this.#data.subarray(from, this.#at) });
      return true;
    }
    if (label === CONTROL || this.#file.frames.length === 0) throw broken("the GIF ends too early");
    this.#at = this.#data.length;
    return false;
  }

  #frame(common: boolean): void {
    const at = this.#at;
    const packed = this.#byte(at + 8);
    this.#at += 9;
    const own = this.#table(packed);
    const [width, height] = [this.#data.readUInt16LE(at + 4), this.#data.readUInt16LE(at + 6)];
    this.#file.frames.push({ width, height, hasColours: common || own, pixelsAt: this.#at });
    this.#byte(this.#at);
    this.#at += 1;
    if (this.#skipBlocks()) return;
    // The end of the blocks may be missing, if all pixels are there.
    if (this.#at > this.#data.length) throw broken("the GIF ends too early");
    this.#file.terminated = false;
  }

  #table(packed: number): boolean {
    if ((packed & 0x80) === 0) return false;
    const bytes = 3 * 2 ** ((packed & 7) + 1);
    if (this.#at + bytes > this.#data.length) throw broken("the GIF ends within its palette");
    this.#file.tables.push({ at: this.#at, bytes });
    this.#at += bytes;
    return true;
  }

  /** Some programs pass over bytes that begin no block, and show a frame behind them. */
  #hasFrameBehind(): boolean {
    if (this.#data[this.#at] === TRAILER) return false;
    for (let at = this.#data.indexOf(IMAGE, this.#at); at >= 0; at = this.#data.indexOf(IMAGE, at + 1)) {
      if (at + 11 > this.#data.length) return false;
      const packed = this.#data[at + 9] ?? 0;
      const codes = at + 10 + (packed & 0x80 ? 3 * 2 ** ((packed & 7) + 1) : 0);
      const fits = (side: number, most: number) =>
        this.#data.readUInt16LE(at + side) + this.#data.readUInt16LE(at + side + 4) <= most;
      const bits = this.#data[codes] ?? 0;
      if (fits(1, this.#file.width) && fits(3, this.#file.height) && bits >= 1 && bits <= 11) return true;
    }
    return false;
  }

  /** False where the data end before the blocks do; then it stands at their end, or beyond it where that is within a block. */
  #skipBlocks(): boolean {
    for (;;) {
      const length = this.#data[this.#at];
      if (length === undefined) return false;
      this.#at += 1 + length;
      if (length === 0) return true;
      if (this.#at > this.#data.length) return false;
    }
  }

  #byte(at: number): number {
    const byte = this.#data[at];
    if (byte === undefined) throw broken("the GIF ends too early");
    return byte;
  }
}
