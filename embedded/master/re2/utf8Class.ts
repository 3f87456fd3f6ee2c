import type { ByteProgram } from "./byteProgram.js";

const LAST_RUNE = 0x10ffff;
/** The largest code points of one, two and three bytes. */
const LAST_OF_LENGTH = [0x7f, 0x7ff, 0xffff];
const [A, Z, a, z] = [0x41, 0x5a, 0x61, 0x7a];

/** What a class becomes in RE2: alternatives of byte sequences that share their ends and their beginnings. */
export class Utf8Class {
  readonly #program: ByteProgram;
  readonly #cache = new Map<string, number>();
  #begin = 0;

  constructor(program: ByteProgram) {
    this.#program = program;
  }

  /** @returns the first instruction; the last ones go to 0 @throws TooManyInstructions */
  add(ranges: ReadonlyArray<readonly [number, number]>): number {
    const folds = foldsAscii(ranges);
    for (const [lo, hi] of ranges) {
      if (folds && A <= lo && hi <= Z) continue;
      const isApart = (lo <= A && z <= hi) || hi < A || z < lo || (Z < lo && hi < a);
      this.#range(lo, hi, folds && !isApart);
    }
    return this.#begin;
  }

  #range(lo: number, hi: number, fold: boolean): void {
    if (lo > hi) return;
    if (lo === 0x80 && hi === LAST_RUNE) return this.#allBeyondAscii();
    for (const last of LAST_OF_LENGTH) {
      if (lo > last || last >= hi) continue;
      this.#range(lo, last, fold);
      return this.#range(last + 1, hi, fold);
    }
    if (hi < 0x80) return this.#alternative(this.#byte(lo, hi, fold, 0));
    for (let length = 1; length < 4; length++) {
      const mask = (1 << (6 * length)) - 1;
      if ((lo & ~mask) === (hi & ~mask)) continue;
      const split = (lo & mask) !== 0 ? (lo | mask) + 1 : (hi & mask) !== mask ? hi & ~mask : undefined;
      if (split === undefined) continue;
      this.#range(lo, split - 1, fold);
      return this.#range(split, hi, fold);
    }
    this.#sequence([...Buffer.from(String.fromCodePoint(lo))], [...Buffer.from(String.fromCodePoint(hi))]);
  }

  #sequence(lo: readonly number[], hi: readonly number[]): void {
    let id = 0;
    for (let i = lo.length - 1; i >= 0; i--) {
      const [first, last] = [lo[i] ?? 0, hi[i] ?? 0];
      const isShared = i === lo.length - 1 || (first < last && i !== 0);
      id = isShared ? this.#byte(first, last, false, id) : this.#newByte(first, last, false, id);
    }
    this.#alternative(id);
  }

  /** RE2 uses a shorter form: bytes that are not UTF-8 do not matter. */
  #allBeyondAscii(): void {
    const last = this.#newByte(0x80, 0xbf, false, 0);
    this.#alternative(this.#newByte(0xc2, 0xdf, false, last));
    const second = this.#newByte(0x80, 0xbf, false, last);
    this.#alternative(this.#newByte(0xe0, 0xef, false, second));
    const third = this.#newByte(0x80, 0xbf, false, second);
    this.#alternative(this.#newByte(0xf0, 0xf4, false, third));
  }

  #newByte(lo: number, hi: number, fold: boolean, out: number): number {
    return this.#program.add({ op: "byte", lo, hi, fold, out });
  }

  /** Only ends are shared: bytes that can't begin a sequence. */
  #byte(lo: number, hi: number, fold: boolean, out: number): number {
    if (lo < 0x80 || hi > 0xbf) return this.#newByte(lo, hi, fold, out);
    const key = `${lo} ${hi} ${out}`;
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const id = this.#newByte(lo, hi, fold, out);
    this.#cache.set(key, id);
    return id;
  }

  #isShared(id: number): boolean {
    const inst = this.#program.at(id);
    return inst.op === "byte" && this.#cache.get(`${inst.lo} ${inst.hi} ${inst.out}`) === id;
  }

  #alternative(id: number): void {
    this.#begin = this.#begin === 0 ? id : this.#join(this.#begin, id);
  }

  /** Adds a sequence to others. Only the newest of them can begin with the same byte, as they come in order. */
  #join(root: number, id: number): number {
    const top = this.#program.at(root);
    const newest = top.op === "alt" ? top.out1 : root;
    if (!this.#sameByte(newest, id)) return this.#program.add({ op: "alt", out: root, out1: id });
    const head = this.#ownHead(newest);
    if (top.op === "alt") top.out1 = head;
    const { out } = this.#program.at(id);
    if (!this.#isShared(id)) this.#program.dropLast();
    const inst = this.#program.at(head);
    if (inst.op === "byte") inst.out = this.#join(inst.out, out);
    return top.op === "alt" ? root : head;
  }

  /** What is shared can't be changed: its copy can. */
  #ownHead(id: number): number {
    const inst = this.#program.at(id);
    return inst.op === "byte" && this.#isShared(id) ? this.#program.add({ ...inst }) : id;
  }

  #sameByte(one: number, other: number): boolean {
    const [left, right] = [this.#program.at(one), this.#program.at(other)];
    if (left.op !== "byte" || right.op !== "byte") return false;
    return left.lo === right.lo && left.hi === right.hi && left.fold === right.fold;
  }
}

/** Whether each letter of ASCII is in it in both cases or in none. */
function foldsAscii(ranges: ReadonlyArray<readonly [number, number]>): boolean {
  const has = (rune: number) => ranges.some(([lo, hi]) => lo <= rune && rune <= hi);
  for (let rune = A; rune <= Z; rune++) if (has(rune) !== has(rune + a - A)) return false;
  return true;
}
