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

/** Of an animation: what is told of a frame, and how its pixels are compressed. */
export interface PngFrame {
  width: number;
  height: number;
  x?: number;
  y?: number;
  dispose?: number;
  blend?: number;
  /** Compressed. Of the picture itself they are in IDAT chunks. */
  pixels: Buffer;
  /** How many chunks its pixels are cut into. Default: 1. */
  cuts?: number;
}

/** fcTL and fdAT chunks are numbered through. */
export class FrameWriter {
  #number = 0;

  control({ width, height, x = 0, y = 0, dispose = 0, blend = 0 }: Omit<PngFrame, "pixels">): Buffer {
    const data = Buffer.alloc(26);
    for (const [i, value] of [this.#number++, width, height, x, y].entries()) data.writeUInt32BE(value, 4 * i);
    data.writeUInt16BE(this.#number * 3, 20);
    data.writeUInt16BE(100, 22);
    data.set([dispose, blend], 24);
    return chunk("fcTL", data);
  }

  /** The chunks of a frame: fcTL, and all fdAT. */
  frame(frame: PngFrame): Buffer[] {
    const { pixels, cuts = 1 } = frame;
    const step = Math.ceil(pixels.length / cuts);
    const chunks = [this.control(frame)];
    for (let at = 0; at < pixels.length; at += step) {
      const number = Buffer.alloc(4);
      number.writeUInt32BE(this.#number++);
      chunks.push(chunk("fdAT", Buffer.concat([number, pixels.subarray(at, at + step)])));
    }
    return chunks;
  }
}

export function animationControl(frames: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeUInt32BE(frames);
  return chunk("acTL", data);
}

/** What an animation tells of each frame, and the frames as PNGs of their own, the picture first. The chunks' numbers are checked. */
export function framesOf(file: Buffer): { controls: Buffer[]; stills: Buffer[] } {
  const controls: Buffer[] = [];
  const stills: { size: Buffer; data: Buffer[] }[] = [];
  const all = chunksOf(file);
  const ihdr = all[0]?.data ?? Buffer.alloc(0);
  let number = 0;
  for (const { type, data } of all) {
    if (type === "fcTL" || type === "fdAT") {
      if (data.readUInt32BE(0) !== number++)
        throw new Error(`chunk ${number - 1} has the number ${data.readUInt32BE(0)}`);
    }
    if (type === "fcTL") controls.push(data.subarray(4));
    const isFirst = (type === "IDAT" && stills.length === 0) || (type === "fdAT" && stills.length < frameOf());
    if (isFirst) stills.push({ size: type === "IDAT" ? ihdr.subarray(0, 8) : (controls.at(-1) ?? ihdr), data: [] });
    if (type === "IDAT") stills.at(-1)?.data.push(data);
    if (type === "fdAT") stills.at(-1)?.data.push(data.subarray(4));
  }
  const shared = all
    .filter(({ type }) => type === "PLTE" || type === "tRNS")
    .map(({ type, data }) => chunk(type, data));
  return {
    controls,
    stills: stills.map(({ size, data }) =>
      Buffer.concat([
        SIGNATURE,
        chunk("IHDR", Buffer.concat([size.subarray(0, 8), ihdr.subarray(8)])),
        ...shared,
        chunk("IDAT", Buffer.concat(data)),
        chunk("IEND"),
      ]),
    ),
  };

  /** How many stills there are with that of the last fcTL. */
  function frameOf(): number {
    const pictureIsFrame = all.findIndex(({ type }) => type === "fcTL") < all.findIndex(({ type }) => type === "IDAT");
    return controls.length + (pictureIsFrame ? 0 : 1);
  }
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
