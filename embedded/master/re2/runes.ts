import { RE2JS } from "re2js";

/** The instructions of RE2JS's programs, by its numbers. They work on code points. */
export const RUNE_OP = {
  ALT: 1,
  ALT_MATCH: 2,
  CAPTURE: 3,
  EMPTY: 4,
  FAIL: 5,
  MATCH: 6,
  NOP: 7,
  RUNE: 8,
  RUNE1: 9,
} as const;
/** Of an EMPTY: what has to hold there. */
export const TEXT_BEGINS = 4;
export const TEXT_ENDS = 8;

export interface RuneInst {
  readonly op: number;
  readonly out: number;
  /** The second way of an ALT, the condition of an EMPTY, 1 for a rune in either case. */
  readonly arg: number;
  /** One code point, or the first and last ones of ranges. */
  readonly runes: readonly number[];
}

export interface RuneProgram {
  readonly start: number;
  readonly inst: readonly RuneInst[];
}

/** What RE2JS made of an expression. It is not in its types: the version is pinned, and a contract test would notice. */
export function programOf(compiled: RE2JS): RuneProgram {
  const { re2Input } = compiled as unknown as { readonly re2Input: { readonly prog: RuneProgram } };
  return re2Input.prog;
}

/** The code points that a rune instruction takes, as ranges in order. */
export function rangesOf({ runes, arg }: RuneInst): Array<readonly [number, number]> {
  const [only = 0] = runes;
  if (runes.length === 1) return arg === 1 ? caseRanges(only) : [[only, only]];
  const ranges: Array<readonly [number, number]> = [];
  for (let i = 0; i + 1 < runes.length; i += 2) ranges.push([runes[i] ?? 0, runes[i + 1] ?? 0]);
  return ranges;
}

/** All cases of a letter. RE2JS tells them of a class, unless they are two. */
function caseRanges(rune: number): Array<readonly [number, number]> {
  const { inst, start } = programOf(RE2JS.compile(`(?i)[\\x{${rune.toString(16)}}]`));
  const runes = inst[start]?.runes ?? [];
  if (runes.length > 1) return rangesOf({ op: RUNE_OP.RUNE, out: 0, arg: 0, runes });
  const letter = String.fromCodePoint(rune);
  const cases = new Set([letter, letter.toLowerCase(), letter.toUpperCase()].map((each) => each.codePointAt(0) ?? 0));
  return [...cases].sort((a, b) => a - b).map((each) => [each, each] as const);
}
