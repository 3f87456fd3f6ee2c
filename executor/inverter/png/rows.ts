import { ImageError } from "../imageError.js";
import { invertPiece, PAETH, type Piece } from "./filters.js";
import { type PngHeader, pixelBytes } from "./header.js";
import { type Pass, passesOf } from "./passes.js";

/** Sees each piece of a row with its pixels. */
export type PieceHandler = (piece: Piece) => void;

/** Finds the rows in a PNG's inflated bytes, which come in blocks that end anywhere, and inverts them there. */
export class Rows {
  /** Of the whole picture, filters included. */
  readonly bytes: number;
  readonly #name: string;
  readonly #passes: Pass[];
  readonly #pixel: number;
  readonly #colours: number;
  readonly #see: PieceHandler | undefined;
  #row: Buffer;
  #above: Buffer;
  #pass = 0;
  #y = 0;
  #filter = 0;
  /** In the row; -1 before the byte that names its filter. */
  #x = -1;

  /** @param name  of the picture, for messages */
  constructor(header: PngHeader, name: string, see?: PieceHandler) {
    this.#name = name;
    this.#passes = passesOf(header);
    this.bytes = this.#passes.reduce((sum, { height, rowBytes }) => sum + height * (1 + rowBytes), 0);
    this.#pixel = pixelBytes(header);
    this.#colours = header.depth < 8 ? 1 : (header.colours * header.depth) / 8;
    this.#see = see;
    const bytes = this.#pixel + this.#passes.reduce((most, { rowBytes }) => Math.max(most, rowBytes), 0);
    this.#row = Buffer.alloc(bytes);
    this.#above = Buffer.alloc(bytes);
  }

  /** True when the last pixel was taken. */
  get done(): boolean {
    return this.#pass === this.#passes.length;
  }

  /** Returns how many of the block's bytes belong to the picture: less than all only if it is done. @throws ImageError */
  take(block: Buffer): number {
    let at = 0;
    for (let pass = this.#passes[this.#pass]; pass && at < block.length; pass = this.#passes[this.#pass]) {
      if (this.#x < 0) {
        this.#begin(block[at++] ?? 0);
        continue;
      }
      const piece = this.#piece(block, at, pass);
      invertPiece(piece);
      this.#see?.(piece);
      at += piece.to - piece.from;
      this.#x = piece.to;
      if (piece.to === pass.rowBytes) this.#end(pass);
    }
    return at;
  }

  #piece(block: Buffer, at: number, pass: Pass): Piece {
    const from = this.#x;
    const to = Math.min(pass.rowBytes, from + block.length - at);
    return {
      filter: this.#filter,
      firstRow: this.#y === 0,
      block,
      at,
      from,
      to,
      row: this.#row,
      above: this.#above,
      pixel: this.#pixel,
      colours: this.#colours,
      padding: to === pass.rowBytes ? pass.padding : 0,
    };
  }

  #begin(filter: number): void {
    if (filter > PAETH)
      throw new ImageError(`broken image: row ${this.#y} of ${this.#name} has the unknown filter ${filter}`);
    this.#filter = filter;
    this.#x = 0;
  }

  #end(pass: Pass): void {
    this.#x = -1;
    this.#y += 1;
    [this.#row, this.#above] = [this.#above, this.#row];
    if (this.#y < pass.height) return;
    this.#pass += 1;
    this.#y = 0;
    if (!this.done) this.#above.fill(0);
  }
}
