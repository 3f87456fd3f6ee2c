import { type AvifFile, type AvifLocation, readAvif } from "./avifFile.js";
import { type Box, BoxReader, boxesIn, makeBox } from "./boxes.js";

export interface AvifPatch {
  /** Whole boxes, for the primary item. */
  properties: Buffer[];
  /** The bytes that an item has from now on. */
  items: ReadonlyMap<number, Buffer>;
  /** Whole boxes, for the end of the file. */
  tail: Buffer[];
}

interface Insertion {
  at: number;
  bytes: Buffer;
}

/** Adds to an AVIF what its encoder left out. For what libheif writes: nothing here reads every form that there may be. */
export function patchAvif(made: Buffer, patch: AvifPatch): Buffer {
  const file = readAvif(made);
  const out = Buffer.from(made);
  const insertions = patch.properties.length > 0 ? insertProperties(file, out, patch.properties) : [];
  const grown = insertions.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const tail: Buffer[] = [...patch.tail];
  let end = made.length + grown + tail.reduce((sum, box) => sum + box.length, 0);
  for (const { id, location } of file.items.values()) {
    if (location?.method !== 0) continue;
    const bytes = patch.items.get(id);
    if (!bytes) {
      moveLocation(out, location, file.meta.to, grown);
      continue;
    }
    const box = makeBox("mdat", bytes);
    setLocation(out, location, end + 8, bytes.length);
    tail.push(box);
    end += box.length;
  }
  return Buffer.concat([...spliced(out, insertions), ...tail]);
}

/** Where the properties go. The boxes around say their new size, and the item its new count, in `out` by then. */
function insertProperties(file: AvifFile, out: Buffer, properties: Buffer[]): Insertion[] {
  const { data, meta } = file;
  const iprp = file.parts.get("iprp");
  const inner = iprp ? boxesIn(data, iprp.body, iprp.to) : [];
  const ipco = inner.find(({ type }) => type === "ipco");
  const ipma = inner.find(({ type }) => type === "ipma");
  const own = ipma && associationOf(file, ipma);
  if (!iprp || !ipco || !ipma || !own || (own.bytes === 1 && file.properties.length + properties.length > 127)) {
    throw new Error("the encoder's AVIF has no place for properties");
  }
  const indexes = Buffer.alloc(properties.length * own.bytes);
  for (const i of properties.keys()) indexes.writeUIntBE(file.properties.length + i + 1, i * own.bytes, own.bytes);
  const boxes = Buffer.concat(properties);
  const count = out[own.countAt] ?? 0;
  out[own.countAt] = count + properties.length;
  const grow = (box: Box, bytes: number) => out.writeUInt32BE(box.to - box.from + bytes, box.from);
  grow(meta, boxes.length + indexes.length);
  grow(iprp, boxes.length + indexes.length);
  grow(ipco, boxes.length);
  grow(ipma, indexes.length);
  return [
    { at: ipco.to, bytes: boxes },
    { at: own.countAt + 1 + count * own.bytes, bytes: indexes },
  ];
}

/** Where the primary item's list of properties is, and how many bytes a number in it has. */
function associationOf({ data, primary }: AvifFile, ipma: Box): { countAt: number; bytes: 1 | 2 } | undefined {
  const reader = BoxReader.full(data, ipma);
  const bytes = (reader.flags & 1) === 1 ? 2 : 1;
  for (let left = reader.number(4); left > 0; left--) {
    const id = reader.number(reader.version < 1 ? 2 : 4);
    const countAt = reader.at;
    if (id === primary) return { countAt, bytes };
    for (let n = reader.number(1); n > 0; n--) reader.number(bytes);
  }
  return undefined;
}

/** For an item whose bytes are behind what has been inserted. */
function moveLocation(out: Buffer, location: AvifLocation, after: number, by: number): void {
  const { base, baseAt, baseBytes, offsetBytes, extents } = location;
  if (by === 0) return;
  if (base >= after) {
    writeNumber(out, baseAt, baseBytes, base + by);
    return;
  }
  for (const { at, offset } of extents) {
    if (base + offset >= after) writeNumber(out, at, offsetBytes, offset + by);
  }
}

function setLocation(out: Buffer, location: AvifLocation, offset: number, length: number): void {
  const { baseAt, baseBytes, offsetBytes, lengthBytes, extents } = location;
  const [extent] = extents;
  if (!extent || extents.length !== 1) throw new Error("the encoder's AVIF has an item in several parts");
  if (baseBytes > 0) writeNumber(out, baseAt, baseBytes, offsetBytes > 0 ? 0 : offset);
  if (offsetBytes > 0) writeNumber(out, extent.at, offsetBytes, offset);
  writeNumber(out, extent.at + offsetBytes, lengthBytes, length);
}

function writeNumber(out: Buffer, at: number, bytes: number, value: number): void {
  if (bytes === 8) out.writeBigUInt64BE(BigInt(value), at);
  else out.writeUInt32BE(value, at);
}

function spliced(data: Buffer, insertions: Insertion[]): Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { at, bytes } of [...insertions].sort((a, b) => a.at - b.at)) {
    parts.push(data.subarray(from, at), bytes);
    from = at;
  }
  parts.push(data.subarray(from));
  return parts;
}
