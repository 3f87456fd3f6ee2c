/** Makes PNGs of every kind, and reads them by the book: slow, and with nothing of what it is to test. */
import { crc32, deflateSync, inflateSync } from "node:zlib";

export interface PngKind {
  width: number;
  height: number;
  depth: number;
  colourType: 0 | 2 | 3 | 4 | 6;
  interlaced: boolean;
}

export interface PngChunk {
  type: string;
  data: Buffer;
}

const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
const SAMPLES = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 } as const;

export function samplesOf({ colourType }: PngKind): number {
  return SAMPLES[colourType];
}

/** One chunk as it is in a file. */
export function chunk(type: string, data: Buffer | string = ""): Buffer {
  const body = Buffer.concat([
    Buffer.from(type, "latin1"),
    typeof data === "string" ? Buffer.from(data, "latin1") : data,
  ]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(body.length - 4);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

export function header({ width, height, depth, colourType, interlaced }: PngKind): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([depth, colourType, 0, 0, interlaced ? 1 : 0], 8);
  return chunk("IHDR", data);
}

/** A file of a header, and of chunks of which those with pixels are given too. */
export function pngFile(kind: PngKind, ...chunks: Buffer[]): Buffer {
  return Buffer.concat([SIGNATURE, header(kind), ...chunks, chunk("IEND")]);
}

/** The chunks of a file, in order. Their CRCs are checked. */
export function chunksOf(file: Buffer): PngChunk[] {
  const chunks: PngChunk[] = [];
  for (let at = 8; chunks.at(-1)?.type !== "IEND"; ) {
    const length = file.readUInt32BE(at);
    const [type, data] = [file.toString("latin1", at + 4, at + 8), file.subarray(at + 8, at + 8 + length)];
    if (!chunk(type, data).equals(file.subarray(at, at + 12 + length))) throw new Error(`the CRC of ${type} is wrong`);
    chunks.push({ type, data });
    at += 12 + length;
  }
  return chunks;
}

/** Inflated, as the filters left them. */
export function filteredOf(file: Buffer): Buffer {
  return inflateSync(Buffer.concat(chunksOf(file).flatMap(({ type, data }) => (type === "IDAT" ? [data] : []))));
}

/** First column, first row, and the steps to the next ones. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** For each row of the file, in its order: which pixels are in it. */
function rowsOf({ width, height, interlaced }: PngKind): { firstOfPass: boolean; pixels: number[] }[] {
  const rows: { firstOfPass: boolean; pixels: number[] }[] = [];
  for (const [x0, y0, dx, dy] of interlaced ? ADAM7 : ([[0, 0, 1, 1]] as const)) {
    for (let y = y0; y < height && x0 < width; y += dy) {
      const pixels: number[] = [];
      for (let x = x0; x < width; x += dx) pixels.push(y * width + x);
      rows.push({ firstOfPass: y === y0, pixels });
    }
  }
  return rows;
}

/** Of each row: its pixels packed into bytes. */
function pack(kind: PngKind, samples: Uint16Array, pixels: readonly number[]): Buffer {
  const bits = kind.depth * samplesOf(kind);
  const row = Buffer.alloc(Math.ceil((pixels.length * bits) / 8));
  let bit = 0;
  for (const pixel of pixels) {
    for (let i = 0; i < samplesOf(kind); i++, bit += kind.depth) {
      const value = samples[pixel * samplesOf(kind) + i] ?? 0;
      if (kind.depth === 16) row.writeUInt16BE(value, bit / 8);
      else row[bit >> 3] = (row[bit >> 3] ?? 0) | (value << (8 - kind.depth - (bit & 7)));
    }
  }
  return row;
}

function unpack(kind: PngKind, row: Buffer, pixels: readonly number[], samples: Uint16Array): void {
  let bit = 0;
  for (const pixel of pixels) {
    for (let i = 0; i < samplesOf(kind); i++, bit += kind.depth) {
      const value =
        kind.depth === 16
          ? row.readUInt16BE(bit / 8)
          : ((row[bit >> 3] ?? 0) >> (8 - kind.depth - (bit & 7))) & (2 ** kind.depth - 1);
      samples[pixel * samplesOf(kind) + i] = value;
    }
  }
}

/** The specification's predictor of a byte. */
function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter < 4) return [0, left, up, Math.floor((left + up) / 2)][filter] ?? Number.NaN;
  const estimate = left + up - corner;
  const toLeft = Math.abs(estimate - left);
  const toUp = Math.abs(estimate - up);
  const toCorner = Math.abs(estimate - corner);
  return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
}

/** @param filterOf the filter of each row of the file */
export function filtered(kind: PngKind, samples: Uint16Array, filterOf: (row: number) => number): Buffer {
  const step = Math.max(1, (kind.depth * samplesOf(kind)) / 8);
  let above: Uint8Array = Buffer.alloc(0);
  const rows = rowsOf(kind).map(({ firstOfPass, pixels }, y) => {
    const row = pack(kind, samples, pixels);
    if (firstOfPass) above = Buffer.alloc(row.length);
    const filter = filterOf(y);
    const rest = Buffer.alloc(1 + row.length, filter);
    for (let i = 0; i < row.length; i++) {
      const left = i < step ? 0 : (row[i - step] ?? 0);
      const corner = i < step ? 0 : (above[i - step] ?? 0);
      rest[i + 1] = (row[i] ?? 0) - predicted(filter, left, above[i] ?? 0, corner);
    }
    above = row;
    return rest;
  });
  return Buffer.concat(rows);
}

/** Each row's filter, and all samples. */
export function decodePng(file: Buffer): { kind: PngKind; filters: number[]; samples: Uint16Array } {
  const ihdr = chunksOf(file)[0]?.data ?? Buffer.alloc(0);
  const [depth = 0, colourType = 0, , , interlace] = ihdr.subarray(8);
  const kind = {
    width: ihdr.readUInt32BE(0),
    height: ihdr.readUInt32BE(4),
    depth,
    colourType: colourType as PngKind["colourType"],
    interlaced: interlace === 1,
  };
  const samples = new Uint16Array(kind.width * kind.height * samplesOf(kind));
  const step = Math.max(1, (kind.depth * samplesOf(kind)) / 8);
  const rest = filteredOf(file);
  const filters: number[] = [];
  let above = Buffer.alloc(0);
  let at = 0;
  for (const { firstOfPass, pixels } of rowsOf(kind)) {
    const row = Buffer.alloc(Math.ceil((pixels.length * kind.depth * samplesOf(kind)) / 8));
    if (firstOfPass) above = Buffer.alloc(row.length);
    const filter = rest[at++] ?? 0;
    for (let i = 0; i < row.length; i++) {
      const left = i < step ? 0 : (row[i - step] ?? 0);
      const corner = i < step ? 0 : (above[i - step] ?? 0);
      row[i] = (rest[at++] ?? 0) + predicted(filter, left, above[i] ?? 0, corner);
    }
    unpack(kind, row, pixels, samples);
    filters.push(filter);
    above = row;
  }
  if (at !== rest.length) throw new Error(`${rest.length - at} bytes come after the last row`);
  return { kind, filters, samples };
}

/** The chunks with pixels: one, or several of at most so many bytes. */
export function pixelChunks(data: Buffer, most = data.length): Buffer[] {
  const compressed = deflateSync(data);
  const chunks: Buffer[] = [];
  for (let at = 0; at < compressed.length; at += most) chunks.push(chunk("IDAT", compressed.subarray(at, at + most)));
  return chunks;
}

/** Samples of every value that the depth has, reproducible: noise on slopes, so that all filters leave something. */
export function someSamples(kind: PngKind): Uint16Array {
  const { width, height, depth } = kind;
  const each = samplesOf(kind);
  let seed = 1;
  return Uint16Array.from({ length: width * height * each }, (_, i) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    const slope = ((Math.floor(i / each) % width) * 5 + Math.floor(i / each / width) * 3) * 2 ** Math.max(0, depth - 8);
    return (slope + (seed >> 8)) & (2 ** depth - 1);
  });
}
