import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type fc from "fast-check";

/** A message as a tree, so that a test can take a part out and knows where it was. */
export interface MessageNode {
  readonly type: DescMessage;
  readonly fields: FieldNode[];
}

export interface FieldNode {
  readonly field: DescField;
  /** One for a singular field; several for a repeated one or a map. */
  readonly values: ValueNode[];
}

interface ValueNode {
  /** Of a map's entry. */
  readonly key?: string | number;
  readonly value: MessageNode | Scalar;
}

type Scalar = string | number | bigint | boolean | Uint8Array;

const isMessage = (value: MessageNode | Scalar): value is MessageNode => typeof value === "object" && "fields" in value;

/** FeatureSet.FieldPresence.LEGACY_REQUIRED. */
const LEGACY_REQUIRED = 3;
const isRequired = (field: DescField): boolean => field.presence === LEGACY_REQUIRED;

/** Makes any message of a type: every required field, optional ones at random, down to `depth` levels. */
export function anyMessage(
  g: fc.GeneratorValue,
  arbitraries: typeof fc,
  type: DescMessage,
  depth: number,
): MessageNode {
  const pick = new Picker(g, arbitraries);
  return pick.message(type, depth);
}

class Picker {
  readonly #g: fc.GeneratorValue;
  readonly #fc: typeof fc;

  constructor(g: fc.GeneratorValue, arbitraries: typeof fc) {
    this.#g = g;
    this.#fc = arbitraries;
  }

  message(type: DescMessage, depth: number): MessageNode {
    const fields: FieldNode[] = [];
    for (const field of type.fields) {
      if (!isRequired(field) && !this.#wanted(field, depth)) continue;
      fields.push({ field, values: this.#values(field, depth) });
    }
    return { type, fields };
  }

  /** Members of a oneof are left out but for the first: only one can be set. */
  #wanted(field: DescField, depth: number): boolean {
    if (field.oneof !== undefined && field.oneof.fields[0] !== field) return false;
    if (depth <= 0 && field.message !== undefined) return false;
    return this.#g(this.#fc.integer, { min: 0, max: field.message === undefined ? 2 : 4 }) === 0;
  }

  #values(field: DescField, depth: number): ValueNode[] {
    const single = field.fieldKind !== "list" && field.fieldKind !== "map";
    const count = single ? 1 : this.#g(this.#fc.integer, { min: 1, max: 2 });
    return Array.from({ length: count }, (_, i) => {
      const value = this.#value(field, depth);
      return field.fieldKind === "map" ? { key: `key ${i}`, value } : { value };
    });
  }

  #value(field: DescField, depth: number): MessageNode | Scalar {
    if (field.message) return this.message(field.message, depth - 1);
    if (field.enum) {
      const numbers = field.enum.values.map(({ number }) => number);
      return this.#g(() => this.#fc.constantFrom(...numbers));
    }
    return this.#scalar(field.scalar ?? ScalarType.STRING);
  }

  #scalar(scalar: ScalarType): Scalar {
    switch (scalar) {
      case ScalarType.STRING:
        // Without NULs, which are refused.
        return this.#g(this.#fc.string, { unit: "binary", maxLength: 60 }).replaceAll("\0", "0");
      case ScalarType.BYTES:
        return this.#g(this.#fc.uint8Array, { maxLength: 20 });
      case ScalarType.BOOL:
        return this.#g(this.#fc.boolean);
      case ScalarType.DOUBLE:
        return this.#g(this.#fc.double);
      case ScalarType.FLOAT:
        return this.#g(this.#fc.float);
      case ScalarType.INT64:
        return this.#g(this.#fc.bigInt, { min: -(2n ** 63n), max: 2n ** 63n - 1n });
      case ScalarType.UINT64:
        return this.#g(this.#fc.bigInt, { min: 0n, max: 2n ** 64n - 1n });
      case ScalarType.UINT32:
        return this.#g(this.#fc.integer, { min: 0, max: 2 ** 32 - 1 });
      case ScalarType.INT32:
        return this.#g(this.#fc.integer);
      default:
        throw new Error(`no Mesos message has a field of scalar type ${ScalarType[scalar]}`);
    }
  }
}

export function encodeTree(node: MessageNode, writer = new BinaryWriter()): Uint8Array {
  for (const { field, values } of node.fields) {
    for (const { key, value } of values) {
      if (key === undefined) writeValue(writer, field.number, field, value);
      else {
        writer.tag(field.number, WireType.LengthDelimited).fork();
        writer.tag(1, WireType.LengthDelimited).string(String(key));
        writeValue(writer, 2, field, value);
        writer.join();
      }
    }
  }
  return writer.finish();
}

function writeValue(writer: BinaryWriter, number: number, field: DescField, value: MessageNode | Scalar): void {
  if (isMessage(value)) {
    writer.tag(number, WireType.LengthDelimited).bytes(encodeTree(value));
    return;
  }
  if (typeof value === "string") writer.tag(number, WireType.LengthDelimited).string(value);
  else if (value instanceof Uint8Array) writer.tag(number, WireType.LengthDelimited).bytes(value);
  else if (typeof value === "boolean") writer.tag(number, WireType.Varint).bool(value);
  else writeNumber(writer, number, field, value);
}

function writeNumber(writer: BinaryWriter, number: number, field: DescField, value: number | bigint): void {
  if (field.scalar === ScalarType.DOUBLE) writer.tag(number, WireType.Bit64).double(Number(value));
  else if (field.scalar === ScalarType.FLOAT) writer.tag(number, WireType.Bit32).float(Number(value));
  else if (field.scalar === ScalarType.UINT64) writer.tag(number, WireType.Varint).uint64(value);
  else if (field.scalar === ScalarType.INT64) writer.tag(number, WireType.Varint).int64(value);
  else if (field.scalar === ScalarType.UINT32) writer.tag(number, WireType.Varint).uint32(Number(value));
  else writer.tag(number, WireType.Varint).int32(Number(value));
}

/** Every required field in the tree, with its path, and a way to take it out. */
export function requiredFields(node: MessageNode): { path: string; remove: () => void }[] {
  return fieldsOf(node)
    .filter(({ fieldNode }) => isRequired(fieldNode.field))
    .map(({ owner, fieldNode, path }) => ({
      path,
      remove: () => owner.fields.splice(owner.fields.indexOf(fieldNode), 1),
    }));
}

/** Every field in the tree that is not repeated, with its path, and a way to write it once more. */
export function singularFields(node: MessageNode): { path: string; repeat: () => void }[] {
  return fieldsOf(node)
    .filter(({ fieldNode: { field } }) => field.fieldKind !== "list" && field.fieldKind !== "map")
    .map(({ owner, fieldNode, path }) => ({ path, repeat: () => owner.fields.push(fieldNode) }));
}

/** Every field in the tree, with its path and the message that it is of. */
function fieldsOf(owner: MessageNode, path = ""): { owner: MessageNode; fieldNode: FieldNode; path: string }[] {
  return owner.fields.flatMap((fieldNode) => {
    const { field, values } = fieldNode;
    const own = path === "" ? field.name : `${path}.${field.name}`;
    const inner = values.flatMap(({ key, value }, i) => {
      if (!isMessage(value)) return [];
      const position = key !== undefined ? `[${JSON.stringify(key)}]` : field.fieldKind === "list" ? `[${i}]` : "";
      return fieldsOf(value, `${own}${position}`);
    });
    return [{ owner, fieldNode, path: own }, ...inner];
  });
}
