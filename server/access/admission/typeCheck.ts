import type { DescMessage, Registry } from "@bufbuild/protobuf";
import { type Call, type Comprehension, type Constant, dottedName, type Expr, type Select } from "./ast.js";
import { ARITHMETIC, EQUALITY, FUNCTIONS, LOGIC, MEMBERSHIP, ORDER } from "./functions.js";
import { checkPattern } from "./patterns.js";
import {
  ANY,
  BOOL,
  comparable,
  fieldType,
  isNumber,
  listOf,
  type ScalarName,
  sameType,
  scalar,
  typeText,
  type ValueType,
} from "./types.js";

/** The types of the names that an expression may use. */
export type Scope = ReadonlyMap<string, ValueType>;

/** Names of Mesos's messages and enums are looked up here first: `ContainerInfo.Type.DOCKER`. */
export const NAMESPACE = "mesos.v1";

/**
 * Looks for what would fail, or never be true, when a rule is evaluated: the library checks nothing before. All branches
 * are looked at, also those that no sample takes. @throws Error that says what is wrong, to be read after the expression's name
 */
export class TypeCheck {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  expectBoolean(expr: Expr, scope: Scope): void {
    const type = this.#typeOf(expr, scope);
    if (!isBoolean(type)) throw new Error(`must be true or false, and is ${typeText(type)}: compare it with something`);
  }

  #typeOf(expr: Expr, scope: Scope): ValueType {
    const { exprKind } = expr;
    switch (exprKind.case) {
      case "constExpr":
        return constantType(exprKind.value);
      case "identExpr":
        return scope.get(exprKind.value.name) ?? this.#constantNamed(exprKind.value.name, scope);
      case "selectExpr":
        return this.#selected(expr, exprKind.value, scope);
      case "callExpr":
        return this.#called(exprKind.value, scope);
      case "listExpr":
        return listOf(this.#common(exprKind.value.elements, scope));
      case "comprehensionExpr":
        return this.#folded(exprKind.value, scope);
      case "structExpr":
        throw new Error("must not make messages or maps: compare the fields one by one");
      default:
        throw new Error("is not CEL");
    }
  }

  /** An enum's value by its name. */
  #constantNamed(name: string, scope: Scope): ValueType {
    if (this.#isEnumValue(`${NAMESPACE}.${name}`) || this.#isEnumValue(name)) return scalar("int");
    const variables = [...scope.keys()].filter((known) => !known.startsWith("@")).join(", ");
    throw new Error(
      `has the name '${name}', which is not known: use ${variables}, or an enum's value such as ContainerInfo.Type.DOCKER`,
    );
  }

  #isEnumValue(name: string): boolean {
    const dot = name.lastIndexOf(".");
    const values = this.#registry.getEnum(name.slice(0, dot))?.values ?? [];
    return values.some((value) => value.name === name.slice(dot + 1));
  }

  #selected(expr: Expr, { operand, field, testOnly }: Select, scope: Scope): ValueType {
    const name = dottedName(expr);
    if (name !== undefined && !scope.has(name.split(".", 1)[0] ?? "")) return this.#constantNamed(name, scope);
    if (!operand) throw new Error("is not CEL");
    const of = this.#typeOf(operand, scope);
    if (of.kind === "message") {
      const found = fieldType(fieldOf(of.desc, field));
      return testOnly ? BOOL : found;
    }
    if (of.kind === "map" && comparable(of.key, scalar("string"))) return testOnly ? BOOL : of.of;
    if (of.kind === "any") return testOnly ? BOOL : ANY;
    throw new Error(`takes '${field}' of ${typeText(of)}, which has no fields`);
  }

  #called({ function: name, target, args }: Call, scope: Scope): ValueType {
    const operands = (target ? [target, ...args] : args).map((operand) => this.#typeOf(operand, scope));
    const [first = ANY, second = ANY, third = ANY] = operands;
    if (LOGIC.has(name)) return expectBooleans(name, operands);
    if (EQUALITY.has(name)) return expectComparable(name, first, second);
    if (MEMBERSHIP.has(name)) return expectMember(first, second);
    if (ORDER.has(name)) return expectOrdered(name, first, second);
    if (ARITHMETIC.has(name)) return expectAddable(name, first, second);
    if (name === "-_") return first;
    if (name === "_[_]") return elementAt(first, second);
    if (name === "_?_:_") {
      expectBooleans(name, [first]);
      return sameType(second, third) ? second : differing(second, third);
    }
    const known = FUNCTIONS.get(name);
    if (!known) throw new Error(`calls ${name}(), which is not known: use ${[...FUNCTIONS.keys()].join(", ")}`);
    const isMethod = target !== undefined;
    if (operands.length !== known.operands || (known.asMethod ?? isMethod) !== isMethod) {
      throw new Error(`calls ${name}() in another way than ${usage(name, known.operands, known.asMethod)}`);
    }
    if (known.asMethod) for (const operand of operands) expectText(name, operand);
    if (name === "matches") checkPattern(args[0]);
    return known.result;
  }

  #folded(
    { iterRange, iterVar, iterVar2, accuVar, accuInit, loopStep, result }: Comprehension,
    scope: Scope,
  ): ValueType {
    if (iterVar2 !== "" || !iterRange || !accuInit || !loopStep || !result)
      throw new Error("uses a macro that is not known");
    const range = this.#typeOf(iterRange, scope);
    const inner = new Map(scope).set(iterVar, elementOf(range));
    const initial = this.#typeOf(accuInit, scope);
    const step = this.#typeOf(loopStep, inner.set(accuVar, initial));
    const accumulated = initial.kind === "list" ? step : initial;
    return this.#typeOf(result, inner.set(accuVar, accumulated));
  }

  /** The type of all of them, if they have one. */
  #common(elements: readonly Expr[], scope: Scope): ValueType {
    const types = elements.map((element) => this.#typeOf(element, scope));
    const [first = ANY, ...others] = types;
    return others.every((type) => sameType(type, first)) ? first : ANY;
  }
}

function fieldOf(desc: DescMessage, name: string) {
  const field = desc.fields.find((known) => known.name === name);
  if (field) return field;
  const names = desc.fields.map((known) => known.name).join(", ");
  throw new Error(`takes the field '${name}' of ${desc.typeName}, which has none of that name: use ${names}`);
}

function constantType({ constantKind }: Constant): ValueType {
  const names: Readonly<Record<string, ScalarName>> = {
    boolValue: "bool",
    bytesValue: "bytes",
    doubleValue: "double",
    int64Value: "int",
    nullValue: "null",
    stringValue: "string",
    uint64Value: "uint",
  };
  const name = names[constantKind.case ?? ""];
  return name === undefined ? ANY : scalar(name);
}

const isBoolean = (type: ValueType) => type.kind === "any" || (type.kind === "scalar" && type.name === "bool");
const signOf = (name: string) => name.replaceAll("_", "").replace("@not strictly false", "all()");

function expectBooleans(name: string, operands: readonly ValueType[]): ValueType {
  const other = operands.find((type) => !isBoolean(type));
  if (other)
    throw new Error(`has ${typeText(other)} where ${signOf(name)} needs true or false: compare it with something`);
  return BOOL;
}

function expectComparable(name: string, left: ValueType, right: ValueType): ValueType {
  const unset = [left, right].some((type) => type.kind === "scalar" && type.name === "null");
  if (unset) throw new Error("compares with null, which nothing is: use has()");
  if (comparable(left, right)) return BOOL;
  throw new Error(`compares ${typeText(left)} with ${typeText(right)} by ${signOf(name)}: they are never equal`);
}

function expectMember(element: ValueType, list: ValueType): ValueType {
  if (list.kind === "any") return BOOL;
  if (list.kind !== "list" && list.kind !== "map")
    throw new Error(`looks with 'in' into ${typeText(list)}: use a list or a map`);
  const inside = list.kind === "list" ? list.of : list.key;
  if (comparable(element, inside)) return BOOL;
  throw new Error(
    `looks for ${typeText(element)} among values each of which is ${typeText(inside)}: it is never there`,
  );
}

function expectOrdered(name: string, left: ValueType, right: ValueType): ValueType {
  const isScalar = [left, right].every((type) => type.kind === "any" || type.kind === "scalar");
  if (isScalar && comparable(left, right)) return BOOL;
  throw new Error(`compares ${typeText(left)} with ${typeText(right)} by ${signOf(name)}, which is not possible`);
}

function expectAddable(name: string, left: ValueType, right: ValueType): ValueType {
  if (left.kind === "any" || right.kind === "any") return left.kind === "any" ? right : left;
  const joins = name === "_+_" && left.kind !== "message" && left.kind !== "map" && !isBoolean(left);
  if ((joins || isNumber(left)) && sameType(left, right)) return left;
  const cure = isNumber(left) && isNumber(right) ? ": make both one type with double() or int()" : "";
  throw new Error(`has ${typeText(left)} ${signOf(name)} ${typeText(right)}, which is not possible${cure}`);
}

function expectText(name: string, operand: ValueType): void {
  if (operand.kind === "any" || (operand.kind === "scalar" && operand.name === "string")) return;
  throw new Error(`calls ${name}() with ${typeText(operand)}: it needs a string`);
}

function elementAt(of: ValueType, index: ValueType): ValueType {
  if (of.kind === "any") return ANY;
  if (of.kind === "list" && (index.kind === "any" || isNumber(index))) return of.of;
  if (of.kind === "map" && comparable(of.key, index)) return of.of;
  throw new Error(`looks for ${typeText(index)} between [ and ] of ${typeText(of)}, which is not possible`);
}

function elementOf(range: ValueType): ValueType {
  if (range.kind === "any") return ANY;
  if (range.kind === "list") return range.of;
  if (range.kind === "map") return range.key;
  throw new Error(`goes through ${typeText(range)}: use a list or a map`);
}

function differing(left: ValueType, right: ValueType): ValueType {
  if (left.kind === "any" || right.kind === "any") return ANY;
  throw new Error(`has ${typeText(left)} on one side of ':' and ${typeText(right)} on the other: use one type`);
}

function usage(name: string, operands: number, asMethod: boolean | undefined): string {
  if (asMethod) return `text.${name}(${operands > 1 ? "text" : ""})`;
  return `${name}(value)`;
}
