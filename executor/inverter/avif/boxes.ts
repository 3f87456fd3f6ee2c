import { ImageError } from "../imageError.js";

/** A box of an ISO base media file: its bytes, and where its content begins. */
export interface Box {
  type: string;
  from: number;
  body: number;
  to: number;
}

const MAX_BOXES = 100_000;

/** The boxes between two places, one after the other. @throws ImageError */
export function boxesIn(data: Buffer, from: number, to: number): Box[] {
  const boxes: Box[] = [];
  for (let at = from; at + 8 <= to; ) {
    const size = data.readUInt32BE(at);
    const wide = size === 1;
    if (wide && at + 16 > to) break;
    const length = wide ? Number(data.readBigUInt64BE(at + 8)) : size === 0 ? to - at : size;
    const box = {
      type: data.toString("latin1", at + 4, at + 8),
      from: at,
      body: at + (wide ? 16 : 8),
      to: at + length,
    };
    if (box.to > to || box.to < box.body)
      throw new ImageError(`broken image: the AVIF ends within its box '${box.type}'`);
    boxes.push(box);
    if (boxes.length > MAX_BOXES) throw new ImageError("broken image: the AVIF has too many boxes");
    at = box.to;
  }
  return boxes;
}

export function makeBox(type: string, ...content: Buffer[]): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(content.reduce((sum, part) => sum + part.length, 8));
  head.write(type, 4, "latin1");
  return Buffer.concat([head, ...content]);
}

/** Reads numbers of a box one after the other. @throws ImageError past its end */
export class BoxReader {
  readonly #data: Buffer;
  readonly #end: number;
  at: number;
  /** Of boxes that have them: see `full`. */
  version = 0;
  flags = 0;

  constructor(data: Buffer, box: Box) {
    this.#data = data;
    this.#end = box.to;
    this.at = box.body;
  }

  static full(data: Buffer, box: Box): BoxReader {
    const reader = new BoxReader(data, box);
    reader.version = reader.number(1);
    reader.flags = reader.number(3);
    return reader;
  }

  /** Of 0 to 8 bytes. */
  number(bytes: number): number {
    const from = this.at;
    this.#skip(bytes);
    if (bytes === 0) return 0;
    return bytes === 8 ? Number(this.#data.readBigUInt64BE(from)) : this.#data.readUIntBE(from, bytes);
  }

  text(bytes: number): string {
    const from = this.at;
    this.#skip(bytes);
    return this.#data.toString("latin1", from, this.at);
  }

  #skip(bytes: number): void {
    if (this.at + bytes > this.#end) throw new ImageError("broken image: the AVIF ends within a box");
    this.at += bytes;
  }
}
