import { ImageError } from "../imageError.js";
import { type Box, BoxReader, boxesIn } from "./boxes.js";

export interface AvifItem {
  id: number;
  /** `av01`, `grid`, `Exif`, `mime` ... */
  type: string;
  /** Part of another one, and not shown by itself. */
  hidden: boolean;
  /** Which of `properties` it has, counted from 0. */
  properties: number[];
  location: AvifLocation | undefined;
}

export interface AvifLocation {
  /** 0: offsets count from the start of the file; 1: from that of `idat`. */
  method: number;
  base: number;
  /** Where the file has the base; its bytes. */
  baseAt: number;
  baseBytes: number;
  offsetBytes: number;
  lengthBytes: number;
  extents: { at: number; offset: number; length: number }[];
}

export interface AvifFile {
  data: Buffer;
  top: Box[];
  /** Of the last box. What follows it no program reads. */
  end: number;
  meta: Box;
  /** Those of `meta`. */
  parts: ReadonlyMap<string, Box>;
  primary: number;
  items: ReadonlyMap<number, AvifItem>;
  references: { type: string; from: number; to: number[] }[];
  properties: Box[];
}

/** Of a file of one picture, it has a few hundred bytes. */
const MAX_META_BYTES = 8 * 1024 * 1024;

const broken = (what: string) => new ImageError(`broken image: ${what}`);

/** Reads what an AVIF says about its pictures, but no pixels. @throws ImageError */
export function readAvif(data: Buffer): AvifFile {
  const { top, end } = topBoxes(data);
  const meta = top.find(({ type }) => type === "meta");
  if (top.some(({ type }) => type === "moov")) {
    throw new ImageError("is an animated AVIF, which is not supported: only its first frame would be left");
  }
  if (!meta) throw broken("the AVIF ends before it describes its picture");
  if (meta.to - meta.from > MAX_META_BYTES)
    throw new ImageError(`describes itself in ${meta.to - meta.from} bytes, which is not supported`);
  const parts = new Map<string, Box>();
  for (const box of boxesIn(data, meta.body + 4, meta.to)) if (!parts.has(box.type)) parts.set(box.type, box);
  const items = readItems(data, parts.get("iinf"));
  for (const [id, location] of readLocations(data, parts.get("iloc"))) {
    const item = items.get(id);
    if (item) item.location = location;
  }
  const pitm = parts.get("pitm");
  if (!pitm) throw broken("the AVIF does not say which of its pictures is shown");
  const reader = BoxReader.full(data, pitm);
  const primary = reader.number(reader.version === 0 ? 2 : 4);
  const properties = readProperties(data, parts.get("iprp"), items);
  const references = readReferences(data, parts.get("iref"));
  const file = { data, top, end, meta, parts, primary, items, references, properties };
  for (const id of items.keys()) checkExtents(file, id);
  return file;
}

/** The same file under the brand that every decoder knows: some look at no other one. */
export function underMajorBrand(data: Buffer): Buffer {
  if (data.toString("latin1", 8, 12) === "avif") return data;
  const copy = Buffer.from(data);
  copy.write("avif", 8, "latin1");
  return copy;
}

/** Stops at the first thing that is not a box: programs append anything to files. Extents show whether all pixels are there. */
function topBoxes(data: Buffer): { top: Box[]; end: number } {
  const top: Box[] = [];
  let end = 0;
  while (end + 8 <= data.length) {
    const wide = data.readUInt32BE(end) === 1 && end + 16 <= data.length;
    const length = wide ? Number(data.readBigUInt64BE(end + 8)) : data.readUInt32BE(end) || data.length - end;
    const isBox = /^[a-zA-Z0-9 ]{4}$/.test(data.toString("latin1", end + 4, end + 8)) && length >= (wide ? 16 : 8);
    if (!isBox || end + length > data.length) break;
    top.push({
      type: data.toString("latin1", end + 4, end + 8),
      from: end,
      body: end + (wide ? 16 : 8),
      to: end + length,
    });
    end += length;
  }
  return { top, end };
}

/** Where the bytes of an item are. */
function extentsOf(file: AvifFile, id: number): { from: number; to: number }[] {
  const location = file.items.get(id)?.location;
  if (!location || location.method > 1) return [];
  const start = location.base + (location.method === 1 ? (file.parts.get("idat")?.body ?? 0) : 0);
  // Without a length, it is all there is.
  return location.extents.map(({ offset, length }) => ({
    from: start + offset,
    to: length === 0 ? file.data.length : start + offset + length,
  }));
}

function checkExtents(file: AvifFile, id: number): void {
  let left = file.data.length;
  for (const { from, to } of extentsOf(file, id)) {
    left -= to - from;
    if (to > file.data.length || left < 0) throw broken("the AVIF ends within its pixels");
  }
}

/** The bytes of an item. */
export function itemData(file: AvifFile, id: number): Buffer {
  const parts = extentsOf(file, id).map(({ from, to }) => file.data.subarray(from, to));
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}

function readItems(data: Buffer, box: Box | undefined): Map<number, AvifItem> {
  const items = new Map<number, AvifItem>();
  if (!box) return items;
  const list = BoxReader.full(data, box);
  list.number(list.version === 0 ? 2 : 4);
  for (const entry of boxesIn(data, list.at, box.to)) {
    const reader = BoxReader.full(data, entry);
    if (entry.type !== "infe" || reader.version < 2) continue;
    const id = reader.number(reader.version === 2 ? 2 : 4);
    reader.number(2);
    const type = reader.text(4);
    items.set(id, { id, type, hidden: (reader.flags & 1) === 1, properties: [], location: undefined });
  }
  return items;
}

function readLocations(data: Buffer, box: Box | undefined): Map<number, AvifLocation> {
  const locations = new Map<number, AvifLocation>();
  if (!box) return locations;
  const reader = BoxReader.full(data, box);
  const sizes = reader.number(1);
  const more = reader.number(1);
  const [offsetBytes, lengthBytes, baseBytes] = [sizes >> 4, sizes & 15, more >> 4];
  const indexBytes = reader.version === 0 ? 0 : more & 15;
  for (const bytes of [offsetBytes, lengthBytes, baseBytes, indexBytes]) {
    if (bytes !== 0 && bytes !== 4 && bytes !== 8)
      throw broken("the AVIF says where its pixels are in numbers of no size");
  }
  for (let left = reader.number(reader.version < 2 ? 2 : 4); left > 0; left--) {
    const id = reader.number(reader.version < 2 ? 2 : 4);
    const method = reader.version === 0 ? 0 : reader.number(2) & 15;
    reader.number(2);
    const baseAt = reader.at;
    const base = reader.number(baseBytes);
    const extents: AvifLocation["extents"] = [];
    for (let n = reader.number(2); n > 0; n--) {
      reader.number(indexBytes);
      const at = reader.at;
      extents.push({ at, offset: reader.number(offsetBytes), length: reader.number(lengthBytes) });
    }
    locations.set(id, { method, base, baseAt, baseBytes, offsetBytes, lengthBytes, extents });
  }
  return locations;
}

/** The properties that there are; which items have them goes to the items. */
function readProperties(data: Buffer, box: Box | undefined, items: ReadonlyMap<number, AvifItem>): Box[] {
  if (!box) return [];
  const inner = boxesIn(data, box.body, box.to);
  const container = inner.find(({ type }) => type === "ipco");
  const properties = container ? boxesIn(data, container.body, container.to) : [];
  for (const each of inner) {
    if (each.type !== "ipma") continue;
    const reader = BoxReader.full(data, each);
    for (let left = reader.number(4); left > 0; left--) {
      const item = items.get(reader.number(reader.version < 1 ? 2 : 4));
      for (let n = reader.number(1); n > 0; n--) {
        const index = (reader.flags & 1) === 1 ? reader.number(2) & 0x7fff : reader.number(1) & 0x7f;
        if (index > 0 && index <= properties.length) item?.properties.push(index - 1);
      }
    }
  }
  return properties;
}

function readReferences(data: Buffer, box: Box | undefined): AvifFile["references"] {
  if (!box) return [];
  const { version, at } = BoxReader.full(data, box);
  const bytes = version === 0 ? 2 : 4;
  return boxesIn(data, at, box.to).map((each) => {
    const reader = new BoxReader(data, each);
    const from = reader.number(bytes);
    const to: number[] = [];
    for (let n = reader.number(2); n > 0; n--) to.push(reader.number(bytes));
    return { type: each.type, from, to };
  });
}
