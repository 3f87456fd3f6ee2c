import { type CelFunc, CelScalar, type CelValue, celFunc, isCelList, isCelMap, listType } from "@bufbuild/cel";
import { isReflectMessage } from "@bufbuild/protobuf/reflect";
import type { Patterns } from "./patterns.js";

/** An evaluation took more than it may. */
export class TooCostlyError extends Error {
  override readonly name = "TooCostlyError";
}

/** A text that is made into a number: longer ones take time that is quadratic in their length. */
const MAX_DIGITS = 64;
/** Bytes and characters that cost one unit to go through. */
const BYTES_A_UNIT = 64;
const ELEMENTS_A_UNIT = 4;

/** Names that no rule can write. */
export const TICK = "@tick";
export const WEIGH = "@weigh";
export const GLANCE = "@glance";
export const DIGITS = "@digits";
export const SEARCH = "@search";

/** Counts what an evaluation costs, and ends it when that is too much. A unit is a fraction of a microsecond. */
export class Meter {
  #left = 0;
  /** What it costs to go through any message of what is looked at. */
  #messageCost = 1;

  /** @param bytes of all messages that are looked at, serialized */
  start(units: number, bytes: number): void {
    this.#left = units;
    this.#messageCost = 1 + Math.ceil(bytes / BYTES_A_UNIT);
  }

  /** Units that are left; negative if they did not suffice. */
  get left(): number {
    return this.#left;
  }

  /** @throws TooCostlyError */
  charge(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new TooCostlyError("an evaluation takes too long");
  }

  /** A value that is about to be gone through as a whole. */
  weigh(value: CelValue): void {
    this.glance(value);
    if (isReflectMessage(value)) this.charge(this.#messageCost);
    else if (isCelList(value)) for (const element of value) this.weigh(element);
    else if (isCelMap(value)) for (const [, element] of value) this.weigh(element);
  }

  /** A value whose elements are gone through, but not what is in them. */
  glance(value: CelValue): void {
    if (typeof value === "string" || value instanceof Uint8Array)
      this.charge(1 + Math.ceil(value.length / BYTES_A_UNIT));
    else if (isCelList(value) || isCelMap(value)) this.charge(1 + Math.ceil(value.size / ELEMENTS_A_UNIT));
    else this.charge(1);
  }
}

const { BOOL, DYN, INT, STRING } = CelScalar;
const LIST = listType(DYN);

/** The functions that `metered` has expressions call. */
export function meterFunctions(meter: Meter, patterns: Patterns): CelFunc[] {
  const through = (name: string, look: (value: CelValue) => void) =>
    celFunc(name, [DYN], DYN, (value) => {
      look(value);
      return value;
    });
  return [
    celFunc(TICK, [INT], BOOL, (units) => {
      meter.charge(Number(units));
      return true;
    }),
    through(WEIGH, (value) => meter.weigh(value)),
    through(GLANCE, (value) => meter.glance(value)),
    through(DIGITS, (value) => {
      meter.charge(1);
      if (typeof value === "string" && value.length > MAX_DIGITS) throw new Error("a text is too long for a number");
    }),
    celFunc(SEARCH, [STRING, STRING], BOOL, (text, pattern) => {
      const compiled = patterns.compile(pattern);
      meter.charge(1 + Math.ceil((text.length * (16 + compiled.programSize())) / BYTES_A_UNIT));
      return compiled.test(text);
    }),
    // The library's own joins lists into a chain, which takes quadratic time to go through, and calls itself for each link.
    celFunc("_+_", [LIST, LIST], LIST, (left, right) => [...left, ...right]),
  ];
}
