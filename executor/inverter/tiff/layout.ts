import { longs } from "./numberLists.js";
import { LONG, type TiffDirectory, type TiffEntry, TiffFile } from "./tiffFile.js";
import type { TiffPage } from "./tiffPage.js";

interface Range {
  from: number;
  to: number;
}

/**
 * The result as it is being made: the input, in which everything stays where it is but for strips and tiles that are
 * compressed. These use the room they had together, and what it is too small for goes to the end.
 */
export class TiffLayout {
  /** The copy of the input that is changed. What `append` takes is not in it. */
  readonly file: TiffFile;
  readonly #tail: Buffer[] = [];
  #end: number;
  readonly #room: Range[];
  /** The range that is filled. What was too small stays empty. */
  #next = 0;

  constructor(input: TiffFile, pages: readonly TiffPage[]) {
    // What is appended must not be taken for the offset that a directory lacks.
    const end = pages.reduce((most, page) => Math.max(most, page.directory.nextAt + input.sizes.offset), 0);
    const missing = Buffer.alloc(Math.max(0, end - input.data.length));
    this.file = new TiffFile(Buffer.concat([input.data, missing]));
    this.#end = this.file.data.length;
    this.#room = roomOf(pages, input.sizes.offset);
  }

  /** Puts a compressed strip or tile somewhere. Returns its offset. */
  place(segment: Buffer): number {
    for (; this.#next < this.#room.length; this.#next++) {
      const range = this.#room[this.#next];
      if (!range || range.to - range.from < segment.length) continue;
      segment.copy(this.file.data, range.from);
      range.from += segment.length;
      return range.from - segment.length;
    }
    return this.append(segment);
  }

  /** Returns the offset, which is even, as the offsets of values and directories have to be. */
  append(data: Buffer): number {
    const at = this.#end + (this.#end % 2);
    if (at > this.#end) this.#tail.push(Buffer.alloc(1));
    this.#tail.push(data);
    this.#end = at + data.length;
    return at;
  }

  /** No page comes after this one, whatever the input says. */
  endPages({ nextAt }: TiffDirectory): void {
    this.file.write(nextAt, this.file.big ? 16 : LONG, 0);
  }

  /** Gives a tag other numbers, as many as it has or fewer: those are what readers look at. */
  setNumbers(entry: TiffEntry, values: readonly number[]): void {
    const { file } = this;
    const { offset } = file.sizes;
    if (entry.type !== 18 && values.every((value) => TiffFile.fits(entry.type, value))) {
      const step = entry.bytes / entry.count;
      for (const [i, value] of values.entries()) file.write(entry.valueAt + i * step, entry.type, value);
      return;
    }
    file.write(entry.at + 2, 3, LONG);
    file.write(entry.at + 4, offset === 8 ? 16 : LONG, values.length);
    const inline = entry.at + 4 + offset;
    if (values.length * 4 <= offset) {
      for (const [i, value] of values.entries()) file.write(inline + i * 4, LONG, value);
      return;
    }
    file.write(inline, offset === 8 ? 16 : LONG, this.append(longs(values, file.little)));
  }

  finish(): Buffer {
    return this.#tail.length === 0 ? this.file.data : Buffer.concat([this.file.data, ...this.#tail]);
  }
}

/** The ranges that compressed strips and tiles have now; none where something else claims a part of them. */
function roomOf(pages: readonly TiffPage[], offsetBytes: number): Range[] {
  const ranges: (Range & { free: boolean })[] = [];
  for (const page of pages) {
    const { method } = page;
    const free = method.kind === "anew" || (method.kind === "samples" && method.codec !== "none");
    for (const { offset, length, guessed } of page.segments) {
      if (!free || !guessed) ranges.push({ from: offset, to: offset + length, free });
    }
    const { at, nextAt, list } = page.directory;
    ranges.push({ from: at, to: nextAt + offsetBytes, free: false });
    for (const entry of list) {
      ranges.push({ from: entry.valueAt, to: entry.valueAt + entry.bytes, free: false });
    }
  }
  ranges.sort((a, b) => a.from - b.from || a.to - b.to);
  const room: Range[] = [];
  let end = 0;
  for (const { from, to, free } of ranges) {
    if (free && from < end) return [];
    const last = room.at(-1);
    if (last && !free && from < last.to) return [];
    end = Math.max(end, to);
    if (!free) continue;
    // Offsets are even, so that one byte may lie between.
    if (last && from - last.to <= 1) last.to = to;
    else room.push({ from, to });
  }
  return room;
}
