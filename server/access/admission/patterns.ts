import { RE2JS } from "re2js";
import { errorText } from "../../../wire/errorText.js";
import type { Expr } from "./ast.js";

/** RE2 expands repetitions, so that a short pattern can become a large program. */
const MAX_PATTERN_LENGTH = 256;

/**
 * The pattern of `matches` stands in the rule: one that a task brings could be long, and would be compiled for each task.
 * @throws Error that says what is wrong
 */
export function checkPattern(expr: Expr | undefined): void {
  const constant = expr?.exprKind.case === "constExpr" ? expr.exprKind.value.constantKind : undefined;
  if (constant?.case !== "stringValue")
    throw new Error("calls matches() without a pattern in quotes: write the pattern into the rule");
  const { length } = constant.value;
  if (length > MAX_PATTERN_LENGTH) {
    throw new Error(`has a pattern of ${length} characters, and ${MAX_PATTERN_LENGTH} are allowed: write several`);
  }
  compiled(constant.value);
}

/** Patterns of RE2, which are matched in a time that is linear in the text. */
export class Patterns {
  readonly #compiled = new Map<string, RE2JS>();

  /** A pattern that `checkPattern` has taken, compiled once. */
  compile(pattern: string): RE2JS {
    const known = this.#compiled.get(pattern) ?? compiled(pattern);
    this.#compiled.set(pattern, known);
    return known;
  }
}

function compiled(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new Error(`has the pattern '${pattern}', which RE2 does not take: ${errorText(error)}`);
  }
}
