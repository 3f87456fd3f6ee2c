import type { Sharp, TiffOptions } from "sharp";
import { ImageError } from "../imageError.js";
import type { Turns } from "../turns.js";
import { decodeSegment, encodeSegment } from "./codecs.js";
import { addNumbers } from "./directoryWriter.js";
import { anewOptions, graftPage } from "./encodeAnew.js";
import type { TiffLayout } from "./layout.js";
import { invertPalette } from "./palette.js";
import { invertSamples } from "./samples.js";
import { TiffFile } from "./tiffFile.js";
import type { TiffPage } from "./tiffPage.js";
import type { TiffSegment } from "./tiffSegments.js";
import { TAG } from "./tiffTags.js";

export interface InvertTiffOptions {
  /** Opens one page of a file whose only fault can be in its pixels. */
  open: (file: Buffer, page: number) => Sharp;
  /** Inverts one page of such a file and encodes it as a TIFF of its own: where its storage can't stay as it is. */
  anew: (file: Buffer, page: number, options: TiffOptions) => Promise<Buffer>;
  /** Bounds the samples that are decoded: all pages together, 8 bytes a pixel. */
  maxPixels: number;
  turns: Turns;
}

/** Where sharp finds the page, if it has to be decoded. */
interface Pixels {
  file: Buffer;
  index: number;
}

/** Inverts one page. */
export class PageInverter {
  readonly #file: TiffFile;
  readonly #layout: TiffLayout;
  readonly #options: InvertTiffOptions;
  readonly #page: TiffPage;
  readonly #pixels: Pixels;

  constructor(file: TiffFile, layout: TiffLayout, options: InvertTiffOptions, page: TiffPage, pixels: Pixels) {
    this.#file = file;
    this.#layout = layout;
    this.#options = options;
    this.#page = page;
    this.#pixels = pixels;
  }

  async run(): Promise<void> {
    const { method, directory } = this.#page;
    switch (method.kind) {
      case "mask":
        return;
      case "samples":
        return method.codec === "none" ? await this.#complementStored() : await this.#recode(method.codec);
      case "palette":
        await this.#checkPixels();
        return this.#complementPalette();
      case "meaning": {
        await this.#checkPixels();
        const entry = directory.entries.get(TAG.photometric);
        if (!entry) throw new ImageError(`${this.#page.name}does not say whether 0 is black or white`);
        return this.#layout.setNumbers(entry, [1 - this.#page.photometric]);
      }
      case "anew":
        return await this.#encodeAnew();
    }
  }

  /** Reads from the input and writes into the result, so that two pages may share their samples. */
  async #complementStored(): Promise<void> {
    const { segments } = this.#page;
    const offsets: number[] = [];
    for (const segment of segments) {
      const bytes = segment.rows * segment.rowBytes;
      const data = aligned(this.#file.data.subarray(segment.offset, segment.offset + bytes));
      invertSamples(data, this.#page, segment, this.#file.little);
      // What has no length of its own may lie over something else.
      if (segment.guessed) offsets.push(this.#layout.append(data));
      else {
        data.copy(this.#layout.file.data, segment.offset);
        offsets.push(segment.offset);
      }
      await this.#options.turns.next();
    }
    if (segments.some(({ guessed }) => guessed))
      this.#setSegments(
        offsets,
        segments.map(({ length }) => length),
      );
  }

  async #recode(codec: "packbits" | "lzw" | "deflate"): Promise<void> {
    const offsets: number[] = [];
    const lengths: number[] = [];
    for (const [i, segment] of this.#page.segments.entries()) {
      const encoded = await this.#recodeSegment(codec, segment, i);
      offsets.push(this.#layout.place(encoded));
      lengths.push(encoded.length);
      await this.#options.turns.next();
    }
    this.#setSegments(offsets, lengths);
  }

  async #recodeSegment(codec: "packbits" | "lzw" | "deflate", segment: TiffSegment, i: number): Promise<Buffer> {
    const { offset, length, rows, rowBytes } = segment;
    const { turns } = this.#options;
    const stored = this.#file.data.subarray(offset, offset + length);
    const decoded = await decodeSegment(codec, stored, rows * rowBytes, turns);
    if (!decoded)
      throw new ImageError(`${this.#page.name}broken image: its strip or tile ${i + 1} is damaged or too short`);
    const data = aligned(decoded, false);
    invertSamples(data, this.#page, segment, this.#file.little);
    return await encodeSegment(codec, data, rowBytes, turns);
  }

  #setSegments(offsets: readonly number[], lengths: readonly number[]): void {
    const { directory } = this.#page;
    const { entries } = directory;
    const tiled = entries.has(TAG.tileOffsets);
    const offsetsEntry = entries.get(tiled ? TAG.tileOffsets : TAG.stripOffsets);
    if (offsetsEntry) this.#layout.setNumbers(offsetsEntry, offsets);
    const lengthsTag = tiled ? TAG.tileBytes : TAG.stripBytes;
    const lengthsEntry = entries.get(lengthsTag);
    if (lengthsEntry) this.#layout.setNumbers(lengthsEntry, lengths);
    else addNumbers(this.#layout, directory, lengthsTag, lengths);
  }

  async #encodeAnew(): Promise<void> {
    const encoded = await this.#options.anew(
      this.#pixels.file,
      this.#pixels.index,
      anewOptions(this.#file, this.#page),
    );
    graftPage(this.#layout, this.#page, new TiffFile(encoded));
  }

  #complementPalette(): void {
    const entry = this.#page.directory.entries.get(TAG.colourMap);
    if (!entry || !this.#file.holds(entry)) throw new ImageError(`${this.#page.name}broken image: it has no palette`);
    const colours = Buffer.from(this.#file.value(entry));
    invertPalette(colours, entry.type, this.#file.little);
    colours.copy(this.#layout.file.data, entry.valueAt);
  }

  /** The pixels are not needed, but have to be there: a broken image must not pass. */
  async #checkPixels(): Promise<void> {
    const image = this.#options.open(this.#pixels.file, this.#pixels.index);
    try {
      await image.resize(1, 1, { fit: "fill" }).raw().toBuffer();
    } catch (error) {
      // All that the decoder says of fax.
      if (!(error instanceof Error) || !/^(tiff2vips: )?read error\s*$/.test(error.message)) throw error;
      throw new ImageError(`${this.#page.name}broken image: its pixels are damaged`, { cause: error });
    }
  }
}

/** For words of 16 bits: some buffers begin between two of them. */
function aligned(data: Buffer, always = true): Buffer {
  if (!always && data.byteOffset % 2 === 0) return data;
  const copy = Buffer.alloc(data.length);
  data.copy(copy);
  return copy;
}
