import { type Attribute, Value_Type } from "../../gen/mesos/v1/mesos.js";
import { parseNumber } from "./number.js";
import { coalesce, type Range } from "./value.js";

const MAX_UINT64 = 2n ** 64n - 1n;

/**
 * Attributes as `rack:a;zone:west;ports:[1-2];level:3`, read as Mesos reads them: a value loses its spaces, and is a range, a
 * decimal number or a text; a name keeps its spaces.
 *
 * @throws Error that names the part that is wrong, which ends a Mesos agent as it starts
 */
export function parseAttributes(text: string): Attribute[] {
  return text
    .split(/[;\n]/)
    .filter((part) => part !== "")
    .map(parseAttribute);
}

function parseAttribute(part: string): Attribute {
  const colon = part.indexOf(":");
  const name = part.slice(0, colon);
  const value = part.slice(colon + 1).replaceAll(" ", "");
  if (colon <= 0 || value === "") throw new Error(`bad attribute '${part}': write NAME:VALUE`);
  const refuse = (why: string) => new Error(`bad attribute '${part}': ${why}`);
  if (["[]", "{}", "()"].some((pair) => !isBalanced(value, pair))) throw refuse("a bracket has no other");
  if (value.startsWith("[")) return { name, type: Value_Type.RANGES, ranges: { range: parseRanges(value, refuse) } };
  if (value.startsWith("{")) throw refuse("an attribute can't be a set");
  const bracket = /[[{]/.exec(value)?.[0];
  if (bracket) throw refuse(`'${bracket}' stands in the middle`);
  if (/^[+-]?(?:inf(?:inity)?|nan)$/i.test(value)) throw refuse("a number has to be finite");
  const number = parseNumber(value);
  if (number === undefined) return { name, type: Value_Type.TEXT, text: { value } };
  if (number < 0) throw refuse("a number can't be negative");
  return { name, type: Value_Type.SCALAR, scalar: { value: number } };
}

/** Mesos takes all that stands between brackets, dashes and commas, two by two, whichever is the larger one. */
function parseRanges(value: string, refuse: (why: string) => Error): { begin: bigint; end: bigint }[] {
  const numbers = value.split(/[[\]\-,]+/).filter((token) => token !== "");
  const isNumber = (token: string) => /^\d+$/.test(token) && BigInt(token) <= MAX_UINT64;
  if (numbers.length % 2 !== 0 || !numbers.every(isNumber)) throw refuse("write [BEGIN-END, BEGIN-END]");
  const ranges: Range[] = [];
  for (let i = 0; i < numbers.length; i += 2) ranges.push([BigInt(numbers[i] ?? 0), BigInt(numbers[i + 1] ?? 0)]);
  return coalesce(ranges).map(([begin, end]) => ({ begin, end }));
}

function isBalanced(text: string, [open, close]: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === open) depth++;
    else if (character === close && --depth < 0) return false;
  }
  return depth === 0;
}
