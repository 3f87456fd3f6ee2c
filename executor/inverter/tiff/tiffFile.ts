import { ImageError } from "../imageError.js";

/** One tag of a directory, and where its value is. */
export interface TiffEntry {
  tag: number;
  type: number;
  count: number;
  /** Of the entry itself. */
  at: number;
  /** Of the value: within the entry where it fits, elsewhere in the file where it does not. */
  valueAt: number;
  bytes: number;
}

/** A picture of the file, or a part that describes one (EXIF, GPS). */
export interface TiffDirectory {
  entries: ReadonlyMap<number, TiffEntry>;
  /** All of them: some programs write a tag twice, and readers take one or the other. */
  list: readonly TiffEntry[];
  /** Of the directory itself. */
  at: number;
  /** Where the file says that the directory is, and as which type of number. */
  pointerAt: number;
  pointerType: number;
  /** Where the directory says where the next one is. */
  nextAt: number;
}

const TYPE_BYTES: ReadonlyMap<number, number> = new Map([
  ...[1, 2, 6, 7].map((type) => [type, 1] as const),
  ...[3, 8].map((type) => [type, 2] as const),
  ...[4, 9, 11, 13].map((type) => [type, 4] as const),
  ...[5, 10, 12, 16, 17, 18].map((type) => [type, 8] as const),
]);
export const SHORT = 3;
export const LONG = 4;

/** A TIFF has no more channels. */
const MAX_NUMBERS = 65_536;
const MAX_PAGES = 65_536;

const broken = (what: string) => new ImageError(`broken image: ${what}`);

/** Reads and writes the structure of a TIFF or BigTIFF: directories, tags and their values. */
export class TiffFile {
  readonly data: Buffer;
  readonly little: boolean;
  readonly big: boolean;
  /** How many bytes of directories may still be read: no file has more of them than it has bytes. */
  #left: number;

  /** @param like whose byte order and kind a part has that does not say so itself */
  constructor(data: Buffer, like?: TiffFile) {
    this.data = data;
    this.little = like ? like.little : data[0] === 0x49;
    this.big = like ? like.big : data.length >= 4 && this.u16(2) === 43;
    this.#left = data.length;
  }

  /** Bytes of an entry, of the count before the entries, and of an offset. */
  get sizes(): { entry: number; count: number; offset: 4 | 8 } {
    return this.big ? { entry: 20, count: 8, offset: 8 } : { entry: 12, count: 2, offset: 4 };
  }

  /** The directories of the pages, in their order. @throws ImageError */
  pages(): TiffDirectory[] {
    const pages: TiffDirectory[] = [];
    const seen = new Set<number>();
    let pointerAt = this.big ? 8 : 4;
    // Some programs forget a part of the last offset.
    while (pages.length === 0 || pointerAt + this.sizes.offset <= this.data.length) {
      const at = this.offset(pointerAt);
      // Where the pages go round in a circle, readers have shown all of them.
      if (at === 0 || seen.has(at)) break;
      seen.add(at);
      const page = this.directory(at, pointerAt);
      pages.push(page);
      if (pages.length > MAX_PAGES) throw new ImageError(`has more than ${MAX_PAGES} pages, which is not supported`);
      pointerAt = page.nextAt;
    }
    if (pages.length === 0) throw broken("the TIFF has no page");
    return pages;
  }

  /** @throws ImageError */
  directory(at: number, pointerAt: number, pointerType = this.big ? 16 : LONG): TiffDirectory {
    const { entry, count: countBytes, offset } = this.sizes;
    const count = this.big ? this.offset(at) : this.u16(at);
    const first = at + countBytes;
    const nextAt = first + count * entry;
    this.#left -= count * entry;
    // Without the offset of the next directory it is the last one: some programs forget it.
    if (nextAt > this.data.length || this.#left < 0) throw broken("the TIFF ends within a directory");
    const entries = new Map<number, TiffEntry>();
    const list: TiffEntry[] = [];
    for (let i = 0; i < count; i++) {
      const read = this.#entry(first + i * entry, offset);
      list.push(read);
      if (!entries.has(read.tag)) entries.set(read.tag, read);
    }
    return { entries, list, at, pointerAt, pointerType, nextAt };
  }

  #entry(at: number, offset: 4 | 8): TiffEntry {
    const tag = this.u16(at);
    const type = this.u16(at + 2);
    const count = offset === 8 ? this.offset(at + 4) : this.u32(at + 4);
    const inline = at + 4 + offset;
    const size = TYPE_BYTES.get(type);
    // Readers have to skip types that they do not know: what stands in the entry stays.
    if (size === undefined) return { tag, type, count, at, valueAt: inline, bytes: offset };
    const bytes = count * size;
    return { tag, type, count, at, valueAt: bytes <= offset ? inline : this.offset(inline), bytes };
  }

  /** Whether all of its value is in the file. Readers pass over a text that is not, and can't do without a number. */
  holds({ valueAt, bytes }: TiffEntry): boolean {
    return valueAt + bytes <= this.data.length;
  }

  /** The whole numbers of an entry, or its first ones; none for other types. */
  numbers(entry: TiffEntry | undefined, most = MAX_NUMBERS): number[] {
    if (entry === undefined) return [];
    const { tag, type, count, valueAt } = entry;
    if (!this.holds(entry)) throw broken(`the TIFF ends within its tag ${tag}`);
    const read =
      type === 1 || type === 7
        ? (i: number) => this.data[valueAt + i] ?? 0
        : type === SHORT
          ? (i: number) => this.u16(valueAt + 2 * i)
          : type === LONG || type === 13
            ? (i: number) => this.u32(valueAt + 4 * i)
            : type === 16 || type === 18
              ? (i: number) => this.u64(valueAt + 8 * i)
              : undefined;
    return read ? Array.from({ length: Math.min(count, most) }, (_, i) => read(i)) : [];
  }

  /** As much of it as there is. */
  value(entry: TiffEntry): Buffer {
    return this.data.subarray(entry.valueAt, entry.valueAt + entry.bytes);
  }

  /** Whether a number can stand where a value of this type does. */
  static fits(type: number, value: number): boolean {
    return type === SHORT ? value <= 0xffff : type === LONG ? value <= 0xffffffff : type === 16;
  }

  write(at: number, type: number, value: number): void {
    const { data, little } = this;
    if (type === SHORT) {
      if (little) data.writeUInt16LE(value, at);
      else data.writeUInt16BE(value, at);
    } else if (type === LONG) {
      if (little) data.writeUInt32LE(value, at);
      else data.writeUInt32BE(value, at);
    } else {
      if (little) data.writeBigUInt64LE(BigInt(value), at);
      else data.writeBigUInt64BE(BigInt(value), at);
    }
  }

  u16(at: number): number {
    if (at + 2 > this.data.length) throw broken("the TIFF ends within a directory");
    return this.little ? this.data.readUInt16LE(at) : this.data.readUInt16BE(at);
  }

  u32(at: number): number {
    if (at + 4 > this.data.length) throw broken("the TIFF ends within a directory");
    return this.little ? this.data.readUInt32LE(at) : this.data.readUInt32BE(at);
  }

  u64(at: number): number {
    if (at + 8 > this.data.length) throw broken("the TIFF ends within a directory");
    return Number(this.little ? this.data.readBigUInt64LE(at) : this.data.readBigUInt64BE(at));
  }

  /** 0 where the file ends before it: after the last directory nothing may follow. */
  offset(at: number): number {
    if (at === this.data.length) return 0;
    return this.big ? this.u64(at) : this.u32(at);
  }
}
