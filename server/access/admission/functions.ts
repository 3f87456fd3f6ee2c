import { type ScalarName, scalar, type ValueType } from "./types.js";

/** Operators whose sides are numbers of one type, or what `+` joins. */
export const ARITHMETIC: ReadonlySet<string> = new Set(["_+_", "_-_", "_*_", "_/_", "_%_"]);
export const ORDER: ReadonlySet<string> = new Set(["_<_", "_<=_", "_>_", "_>=_"]);
export const EQUALITY: ReadonlySet<string> = new Set(["_==_", "_!=_"]);
export const MEMBERSHIP: ReadonlySet<string> = new Set(["@in", "_in_"]);
/** Operators that expect nothing but booleans. */
export const LOGIC: ReadonlySet<string> = new Set(["_&&_", "_||_", "!_", "@not_strictly_false"]);

/** A function that a rule may call: `f(x)`, or `x.f()`. */
export interface RuleFunction {
  /** Also what it is called on. */
  readonly operands: number;
  /** Undefined: it may be called either way. */
  readonly asMethod: boolean | undefined;
  readonly result: ValueType;
}

const method = (name: ScalarName): RuleFunction => ({ operands: 2, asMethod: true, result: scalar(name) });
const conversion = (name: ScalarName): RuleFunction => ({ operands: 1, asMethod: false, result: scalar(name) });

/** All of CEL's functions that make sense for a task: those for dates and durations do not. */
export const FUNCTIONS: ReadonlyMap<string, RuleFunction> = new Map(
  Object.entries({
    contains: method("bool"),
    endsWith: method("bool"),
    matches: method("bool"),
    startsWith: method("bool"),
    size: { operands: 1, asMethod: undefined, result: scalar("int") },
    bool: conversion("bool"),
    bytes: conversion("bytes"),
    double: conversion("double"),
    int: conversion("int"),
    string: conversion("string"),
    uint: conversion("uint"),
  }),
);
