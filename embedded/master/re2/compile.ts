import { getOrCreate } from "../filters.js";
import { ByteProgram } from "./byteProgram.js";
import { RUNE_OP, type RuneInst, type RuneProgram, rangesOf, TEXT_BEGINS, TEXT_ENDS } from "./runes.js";
import { Utf8Class } from "./utf8Class.js";

export interface Compiled {
  readonly program: ByteProgram;
  readonly start: number;
  /** Where a search begins that skips bytes first; the start for one that is held to the beginning of the text. */
  readonly unanchored: number;
}

/** The program that RE2 makes of an expression. @throws TooManyInstructions */
export function compileToBytes(runes: RuneProgram, max: number): Compiled {
  const program = new ByteProgram(max);
  const { anchored, dropped } = anchors(runes);
  const heads = new Map<number, number>();
  const headOf = (id: number) => heads.get(id) ?? 0;
  const ends: Array<() => void> = [];
  runes.inst.forEach((inst, id) => {
    if (inst.op === RUNE_OP.FAIL) return;
    const before = program.insts.length;
    heads.set(id, dropped.has(id) ? program.add({ op: "nop", out: 0 }) : addInst(program, inst));
    const added = program.insts.slice(before);
    ends.push(() => {
      for (const each of added) {
        const isLast = (each.op === "byte" || each.op === "step" || each.op === "nop") && each.out === 0;
        if (isLast) each.out = headOf(inst.out);
        if (each.op === "alt" && inst.op === RUNE_OP.ALT) [each.out, each.out1] = [headOf(inst.out), headOf(inst.arg)];
      }
    });
  });
  for (const end of ends) end();
  const start = headOf(runes.start);
  if (anchored) return { program, start, unanchored: start };
  const any = program.add({ op: "byte", lo: 0, hi: 0xff, fold: false, out: 0 });
  const unanchored = program.add({ op: "alt", out: start, out1: any });
  const skip = program.at(any);
  if (skip.op === "byte") skip.out = unanchored;
  return { program, start, unanchored };
}

function addInst(program: ByteProgram, inst: RuneInst): number {
  switch (inst.op) {
    case RUNE_OP.ALT:
    case RUNE_OP.ALT_MATCH:
      return program.add({ op: "alt", out: 0, out1: 0 });
    case RUNE_OP.CAPTURE:
    case RUNE_OP.EMPTY:
      return program.add({ op: "step", out: 0 });
    case RUNE_OP.NOP:
      return program.add({ op: "nop", out: 0 });
    case RUNE_OP.MATCH:
      return program.add({ op: "match", out: 0 });
    default:
      return addRunes(program, inst);
  }
}

function addRunes(program: ByteProgram, inst: RuneInst): number {
  const ranges = rangesOf(inst);
  const [only] = ranges;
  if (ranges.length > 1 || only?.[0] !== only?.[1]) return new Utf8Class(program).add(ranges);
  const bytes = [...Buffer.from(String.fromCodePoint(only?.[0] ?? 0))];
  let next = 0;
  for (const byte of bytes.reverse()) next = program.add({ op: "byte", lo: byte, hi: byte, fold: false, out: next });
  return next;
}

/** RE2 has nothing in the program for a `^` at the beginning and a `$` at the end. */
function anchors({ inst, start }: RuneProgram): { anchored: boolean; dropped: ReadonlySet<number> } {
  const dropped = new Set<number>();
  const begin = follow(start, (id) => inst[id]?.out);
  if (begin !== undefined && isEmpty(inst[begin], TEXT_BEGINS)) dropped.add(begin);
  const anchored = dropped.size > 0;
  const before = predecessors(inst);
  const match = inst.findIndex(({ op }) => op === RUNE_OP.MATCH);
  const end = follow(onlyOne(before.get(match)), (id) => onlyOne(before.get(id)));
  if (end !== undefined && isEmpty(inst[end], TEXT_ENDS)) dropped.add(end);
  return { anchored, dropped };

  /** The first instruction that is more than a capture, on a way without a fork. */
  function follow(from: number | undefined, next: (id: number) => number | undefined): number | undefined {
    let at = from;
    while (at !== undefined && isPassedOver(inst[at])) at = next(at);
    return at;
  }
}

function isPassedOver(inst: RuneInst | undefined): boolean {
  return inst?.op === RUNE_OP.CAPTURE || inst?.op === RUNE_OP.NOP;
}

function isEmpty(inst: RuneInst | undefined, condition: number): boolean {
  return inst?.op === RUNE_OP.EMPTY && inst.arg === condition;
}

function onlyOne(ids: readonly number[] | undefined): number | undefined {
  return ids?.length === 1 ? ids[0] : undefined;
}

function predecessors(inst: readonly RuneInst[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  inst.forEach(({ op, out, arg }, id) => {
    if (op === RUNE_OP.MATCH || op === RUNE_OP.FAIL) return;
    for (const to of op === RUNE_OP.ALT ? [out, arg] : [out]) getOrCreate(found, to, (): number[] => []).push(id);
  });
  return found;
}
