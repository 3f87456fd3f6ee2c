import { parse } from "@bufbuild/cel";
import { errorText } from "../../../wire/errorText.js";

/** A parsed expression, and what it consists of. */
export type Expr = NonNullable<ReturnType<typeof parse>["expr"]>;
export type ExprKind = Expr["exprKind"];
type OfKind<Case extends ExprKind["case"]> = Extract<ExprKind, { case: Case }>;
export type Call = NonNullable<OfKind<"callExpr">["value"]>;
export type Comprehension = NonNullable<OfKind<"comprehensionExpr">["value"]>;
export type Select = NonNullable<OfKind<"selectExpr">["value"]>;
export type Constant = NonNullable<OfKind<"constExpr">["value"]>;

export const MAX_EXPRESSION_LENGTH = 4_096;
/** Levels of a parsed expression: what evaluates it calls itself for each. */
const MAX_DEPTH = 64;

/** Parses an expression whose size and depth are bounded. @throws Error that says what is wrong, to be read after its name */
export function parseExpression(text: string): Expr {
  if (text.trim() === "") throw new Error("must not be empty");
  if (text.length > MAX_EXPRESSION_LENGTH) {
    throw new Error(`has ${text.length} characters, and ${MAX_EXPRESSION_LENGTH} are allowed: write several rules`);
  }
  const expr = parsed(text);
  expectFlat(expr);
  return expr;
}

function parsed(text: string): Expr {
  try {
    const { expr } = parse(text);
    if (expr) return expr;
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep();
    // The parser names the input, which is not a file: "<input>:1:5: found ...".
    const problem = errorText(error).replace(
      /^<input>:(\d+):(\d+): /,
      (_, line, column) => `line ${line}, column ${column}: `,
    );
    throw new Error(`is not CEL: ${problem}`);
  }
  throw new Error("is not CEL");
}

const tooDeep = () => new Error(`is nested more than ${MAX_DEPTH} levels deep: write several rules`);

/** Goes through the expression level by level, and so does not nest itself. */
function expectFlat(expr: Expr): void {
  let level = [expr];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === MAX_DEPTH) throw tooDeep();
    level = level.flatMap(childrenOf);
  }
}

/** The expressions that an expression consists of. */
export function childrenOf({ exprKind }: Expr): Expr[] {
  switch (exprKind.case) {
    case "selectExpr":
      return present([exprKind.value.operand]);
    case "callExpr":
      return present([exprKind.value.target, ...exprKind.value.args]);
    case "listExpr":
      return exprKind.value.elements;
    case "structExpr":
      return exprKind.value.entries.flatMap(({ keyKind, value }) =>
        present([keyKind.case === "mapKey" ? keyKind.value : undefined, value]),
      );
    case "comprehensionExpr": {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      return present([iterRange, accuInit, loopCondition, loopStep, result]);
    }
    default:
      return [];
  }
}

/** How many expressions an expression consists of, itself included. Its depth is bounded. */
export function sizeOf(expr: Expr): number {
  let sum = 1;
  for (const child of childrenOf(expr)) sum += sizeOf(child);
  return sum;
}

function present(exprs: readonly (Expr | undefined)[]): Expr[] {
  return exprs.filter((expr) => expr !== undefined);
}

/** `a.b.c` for an expression that is nothing but names; else undefined. */
export function dottedName({ exprKind }: Expr): string | undefined {
  if (exprKind.case === "identExpr") return exprKind.value.name;
  if (exprKind.case !== "selectExpr" || exprKind.value.testOnly || !exprKind.value.operand) return undefined;
  const before = dottedName(exprKind.value.operand);
  return before === undefined ? undefined : `${before}.${exprKind.value.field}`;
}
