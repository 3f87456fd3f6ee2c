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
  /** False where even the end of the last frame's blocks is missing. */
  terminated: boolean;
}

const EXTENSION = 0x21;
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
    this.#file = { data, width, height, tables: [], frames: [], extensions: [], end: 0, terminated: true };
  }

  read(): GifFile {
    const file = this.#file;
    const common = this.#table(this.#byte(10));
    for (let blocks = 0; ; blocks++) {
      if (blocks > MAX_BLOCKS) throw new ImageError(`has more than ${MAX_BLOCKS} blocks, which is not supported`);
      file.end = this.#at;
      const block = this.#data[this.#at++];
      if (block === EXTENSION) this.#extension();
      else if (block === IMAGE) this.#frame(common);
      // A trailer, the end, or what belongs to no GIF: programs show what came before.
      else break;
    }
    if (file.frames.length > 0) return file;
    throw broken(file.end >= this.#data.length ? "the GIF ends too early" : "the GIF has no frame");
  }

  #extension(): void {
    const from = this.#at;
    this.#at += 1;
    this.#skipBlocks(false);
    this.#file.extensions.push({ label: this.#byte(from), bytes: this.#data.subarray(from, this.#at) });
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
    this.#skipBlocks(true);
  }

  #table(packed: number): boolean {
    if ((packed & 0x80) === 0) return false;
    const bytes = 3 * 2 ** ((packed & 7) + 1);
    if (this.#at + bytes > this.#data.length) throw broken("the GIF ends within its palette");
    this.#file.tables.push({ at: this.#at, bytes });
    this.#at += bytes;
    return true;
  }

  /** @param ofPixels where the end may be missing, if all pixels are there */
  #skipBlocks(ofPixels: boolean): void {
    for (;;) {
      if (ofPixels && this.#at === this.#data.length) {
        this.#file.terminated = false;
        return;
      }
      const length = this.#byte(this.#at);
      this.#at += 1 + length;
      if (length === 0) return;
      if (this.#at > this.#data.length) throw broken("the GIF ends too early");
    }
  }

  #byte(at: number): number {
    const byte = this.#data[at];
    if (byte === undefined) throw broken("the GIF ends too early");
    return byte;
  }
}
