import { ImageError } from "../imageError.js";
import type { Turns } from "../turns.js";
import { crc32 } from "./crc32.js";

/** Length and type before the data of a chunk. */
const PREFIX_BYTES = 8;
const TYPE_BYTES = 4;
const CRC_BYTES = 4;
/** Of a long chunk, what is checked before other tasks have their turn. */
const SLICE_BYTES = 1024 * 1024;

/** A chunk of a PNG, and where its data is in the file. */
export interface Chunk {
  type: string;
  dataFrom: number;
  dataTo: number;
  /** Where the next chunk begins. */
  end: number;
}

/** The chunk that begins there. Its CRC is left to `hasRightCrc`. @throws ImageError */
export function chunkAt(input: Buffer, from: number): Chunk {
  const dataFrom = from + PREFIX_BYTES;
  if (dataFrom + CRC_BYTES > input.length) throw new ImageError("broken image: the PNG ends before its IEND chunk");
  const type = input.toString("latin1", from + 4, dataFrom);
  if (!isChunkName(type)) {
    throw new ImageError(`broken image: the PNG has no chunk at byte ${from}, where one has to begin`);
  }
  const dataTo = dataFrom + input.readUInt32BE(from);
  const end = dataTo + CRC_BYTES;
  if (end > input.length) throw new ImageError(`broken image: the PNG ends within its ${type} chunk`);
  return { type, dataFrom, dataTo, end };
}

export function isChunkName(type: string): boolean {
  return /^[A-Za-z]{4}$/.test(type);
}

/** Whether the chunk's CRC is that of its type and data. */
export async function hasRightCrc(input: Buffer, { dataFrom, dataTo }: Chunk, turns: Turns): Promise<boolean> {
  let crc = 0;
  for (let at = dataFrom - TYPE_BYTES; at < dataTo; at += SLICE_BYTES) {
    const slice = input.subarray(at, Math.min(dataTo, at + SLICE_BYTES));
    crc = crc32(slice, crc);
    if (turns.isDue(slice.length)) await turns.next();
  }
  return crc === input.readUInt32BE(dataTo);
}

/** A chunk as it is written: in parts, so that the data need no copy. */
export function chunkOf(type: string, data: readonly Buffer[]): Buffer[] {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(data.reduce((sum, part) => sum + part.length, 0));
  prefix.write(type, TYPE_BYTES, "latin1");
  const suffix = Buffer.alloc(CRC_BYTES);
  const crc = data.reduce((before, part) => crc32(part, before), crc32(prefix.subarray(TYPE_BYTES)));
  suffix.writeUInt32BE(crc);
  return [prefix, ...data, suffix];
}
