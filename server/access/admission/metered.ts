import { type Call, type Comprehension, type Expr, type ExprKind, sizeOf } from "./ast.js";
import { ARITHMETIC, EQUALITY, MEMBERSHIP, ORDER } from "./functions.js";
import { DIGITS, GLANCE, SEARCH, TICK, WEIGH } from "./meter.js";

/** What goes through an operand as a whole. */
const THROUGH_ALL = new Set([...EQUALITY, ...MEMBERSHIP]);
/** What goes through the elements of an operand, or through a text. */
const THROUGH = new Set([
  ...ORDER,
  ...ARITHMETIC,
  "contains",
  "startsWith",
  "endsWith",
  "size",
  "string",
  "bytes",
  "bool",
]);
/** What a step of a macro costs: its variables, and each expression in it. */
const STEP_UNITS = 5;
const UNITS_A_NODE = 2;
const TO_NUMBER = new Set(["int", "uint", "double"]);

/**
 * The expression with calls in it that count what it costs: one for each step of a macro, and one for each operand that
 * takes time to go through. The library bounds neither.
 */
export function metered(expr: Expr): Expr {
  const { exprKind } = expr;
  switch (exprKind.case) {
    case "selectExpr": {
      const { operand } = exprKind.value;
      return made(expr, {
        case: "selectExpr",
        value: { ...exprKind.value, ...(operand && { operand: metered(operand) }) },
      });
    }
    case "callExpr":
      return meteredCall(expr, exprKind.value);
    case "listExpr":
      return made(expr, {
        case: "listExpr",
        value: { ...exprKind.value, elements: exprKind.value.elements.map(metered) },
      });
    case "comprehensionExpr":
      return made(expr, { case: "comprehensionExpr", value: meteredFold(expr, exprKind.value) });
    default:
      return expr;
  }
}

function meteredCall(expr: Expr, call: Call): Expr {
  const { function: name, target } = call;
  const args = call.args.map(metered);
  const on = target && metered(target);
  if (name === "matches" && on) return callOf(expr, SEARCH, [on, ...args]);
  const weigh = weigherOf(name, [...(on ? [on] : []), ...args]);
  const value: Call = { ...call, args: args.map((arg) => weigh(arg)), ...(on && { target: weigh(on) }) };
  return made(expr, { case: "callExpr", value });
}

function weigherOf(name: string, operands: readonly Expr[]): (operand: Expr) => Expr {
  const by = TO_NUMBER.has(name) ? DIGITS : THROUGH_ALL.has(name) ? WEIGH : THROUGH.has(name) ? GLANCE : undefined;
  // A comparison with a constant ends with the constant.
  const isBounded = (EQUALITY.has(name) || ORDER.has(name)) && operands.some(isConstant);
  if (by === undefined || isBounded) return (operand) => operand;
  return (operand) => (isConstant(operand) ? operand : callOf(operand, by, [operand]));
}

function meteredFold(expr: Expr, fold: Comprehension): Comprehension {
  const { iterRange, loopCondition, loopStep, accuInit, result } = fold;
  const units = STEP_UNITS + (loopStep ? UNITS_A_NODE * sizeOf(loopStep) : 0);
  const tick = callOf(expr, TICK, [constant(expr, units)]);
  return {
    ...fold,
    ...(iterRange && { iterRange: callOf(expr, GLANCE, [metered(iterRange)]) }),
    ...(accuInit && { accuInit: metered(accuInit) }),
    ...(loopCondition && { loopCondition: callOf(expr, "_&&_", [tick, loopCondition]) }),
    ...(loopStep && { loopStep: metered(loopStep) }),
    ...(result && { result: metered(result) }),
  };
}

const isConstant = ({ exprKind }: Expr) => exprKind.case === "constExpr";

const made = (expr: Expr, exprKind: ExprKind): Expr => ({ ...expr, exprKind });

function callOf(expr: Expr, name: string, args: Expr[]): Expr {
  return made(expr, { case: "callExpr", value: { $typeName: "cel.expr.Expr.Call", function: name, args } });
}

function constant(expr: Expr, value: number): Expr {
  const constantKind = { case: "int64Value", value: BigInt(value) } as const;
  return made(expr, { case: "constExpr", value: { $typeName: "cel.expr.Constant", constantKind } });
}
