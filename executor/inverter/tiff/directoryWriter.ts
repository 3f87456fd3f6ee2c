import type { TiffLayout } from "./layout.js";
import { longs } from "./numberLists.js";
import { LONG, type TiffDirectory, type TiffEntry, TiffFile } from "./tiffFile.js";

/** A tag of a new directory. The field holds the value, or says where it is. */
export interface TiffValue {
  tag: number;
  type: number;
  count: number;
  field: Buffer;
}

/** Puts a directory in the place of another one, with its values and one more of numbers. */
export function addNumbers(
  layout: TiffLayout,
  directory: TiffDirectory,
  tag: number,
  numbers: readonly number[],
): void {
  const { file } = layout;
  const values: TiffValue[] = directory.list.map((entry) => ({ ...entry, field: fieldOf(file, entry) }));
  values.push({ tag, type: LONG, count: numbers.length, field: field(longs(numbers, file.little), layout) });
  replaceDirectory(layout, directory, values);
}

/** What stands in an entry: its value, or where that is. */
export function fieldOf(file: TiffFile, { at }: TiffEntry): Buffer {
  const from = at + 4 + file.sizes.offset;
  return Buffer.from(file.data.subarray(from, from + file.sizes.offset));
}

export function replaceDirectory(layout: TiffLayout, directory: TiffDirectory, values: TiffValue[]): void {
  const { file } = layout;
  const at = layout.append(directoryOf(file, values, file.offset(directory.nextAt)));
  file.write(directory.pointerAt, directory.pointerType, at);
}

/** The field of a value, which goes to the end of the file where it doesn't fit. */
export function field(value: Buffer, layout: TiffLayout): Buffer {
  const bytes = layout.file.sizes.offset;
  const out = Buffer.alloc(bytes);
  if (value.length <= bytes) {
    value.copy(out);
    return out;
  }
  const at = longs([layout.append(value)], layout.file.little);
  at.copy(out, layout.file.little ? 0 : bytes - 4);
  return out;
}

/** @param next where the directory after this one is; 0 for the last one */
export function directoryOf(file: TiffFile, values: TiffValue[], next: number): Buffer {
  const { entry, count, offset } = file.sizes;
  const out = new TiffFile(Buffer.alloc(count + values.length * entry + offset), file);
  values.sort((a, b) => a.tag - b.tag);
  out.write(0, file.big ? 16 : 3, values.length);
  for (const [i, value] of values.entries()) {
    const at = count + i * entry;
    out.write(at, 3, value.tag);
    out.write(at + 2, 3, value.type);
    out.write(at + 4, offset === 8 ? 16 : LONG, value.count);
    value.field.copy(out.data, at + 4 + offset);
  }
  out.write(count + values.length * entry, offset === 8 ? 16 : LONG, next);
  return out.data;
}
