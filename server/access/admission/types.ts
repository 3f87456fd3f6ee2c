import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

export type ScalarName = "bool" | "int" | "uint" | "double" | "string" | "bytes" | "null" | "type";

/** What is known of a value before anything is evaluated. */
export type ValueType =
  | { readonly kind: "message"; readonly desc: DescMessage }
  | { readonly kind: "list"; readonly of: ValueType }
  | { readonly kind: "map"; readonly key: ValueType; readonly of: ValueType }
  | { readonly kind: "scalar"; readonly name: ScalarName }
  | { readonly kind: "any" };

export const ANY: ValueType = { kind: "any" };
export const scalar = (name: ScalarName): ValueType => ({ kind: "scalar", name });
export const listOf = (of: ValueType): ValueType => ({ kind: "list", of });
export const messageOf = (desc: DescMessage): ValueType => ({ kind: "message", desc });
export const BOOL = scalar("bool");

/** The type of a message's field. Enum values are numbers. */
export function fieldType(field: DescField): ValueType {
  if (field.fieldKind === "list") return listOf(elementType(field));
  if (field.fieldKind === "map") return { kind: "map", key: scalarType(field.mapKey), of: elementType(field) };
  return elementType(field);
}

function elementType(field: DescField): ValueType {
  if (field.message) return messageOf(field.message);
  return field.scalar === undefined ? scalar("int") : scalarType(field.scalar);
}

function scalarType(type: ScalarType): ValueType {
  switch (type) {
    case ScalarType.BOOL:
      return BOOL;
    case ScalarType.STRING:
      return scalar("string");
    case ScalarType.BYTES:
      return scalar("bytes");
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return scalar("double");
    case ScalarType.UINT32:
    case ScalarType.UINT64:
    case ScalarType.FIXED32:
    case ScalarType.FIXED64:
      return scalar("uint");
    default:
      return scalar("int");
  }
}

/** As an error names it: "a string", "a mesos.v1.CommandInfo". */
export function typeText(type: ValueType): string {
  if (type.kind === "message") return `a ${type.desc.typeName}`;
  if (type.kind === "scalar") return type.name === "int" ? "an int" : `a ${type.name}`;
  return type.kind === "any" ? "any value" : `a ${type.kind}`;
}

const NUMBERS = new Set<ScalarName>(["int", "uint", "double"]);

export function isNumber(type: ValueType): boolean {
  return type.kind === "scalar" && NUMBERS.has(type.name);
}

/** False if values of the two types are never equal. Numbers of different types may be. */
export function comparable(left: ValueType, right: ValueType): boolean {
  if (left.kind === "any" || right.kind === "any") return true;
  if (left.kind === "scalar" && right.kind === "scalar") {
    return left.name === right.name || (isNumber(left) && isNumber(right));
  }
  if (left.kind === "message" && right.kind === "message") return left.desc.typeName === right.desc.typeName;
  if (left.kind === "list" && right.kind === "list") return comparable(left.of, right.of);
  return left.kind === right.kind;
}

export function sameType(left: ValueType, right: ValueType): boolean {
  if (left.kind === "scalar" && right.kind === "scalar") return left.name === right.name;
  return comparable(left, right) && left.kind === right.kind;
}
