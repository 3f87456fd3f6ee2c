import { type DescField, type DescMessage, type Registry, ScalarType } from "@bufbuild/protobuf";
import { FIXED32, FIXED64, LENGTH_DELIMITED, VARINT } from "../../wire/proto.js";
import type { VarintBits } from "../../wire/values.js";
import type { BytesCheck, FieldRule, MessageView, NumberCheck, RuleSet } from "./rule.js";

/** How a field's value is read. */
export const Kind = { number: 0, string: 1, bytes: 2, message: 3, enum: 4 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** One field of a message, as the walk needs it. */
export interface FieldEntry {
  readonly number: number;
  /** Proto name; empty for key and value of a map's entry, which are not steps of a path. */
  readonly name: string;
  readonly kind: Kind;
  /** Of a value, or of one element. */
  readonly wireType: number;
  readonly scalar: ScalarType | undefined;
  readonly repeated: boolean;
  readonly map: boolean;
  readonly packable: boolean;
  readonly required: boolean;
  /** Where the walk keeps what it saw of this field. */
  readonly slot: number;
  /** The other members of its oneof. */
  readonly rivals: readonly { readonly slot: number; readonly name: string }[];
  /** What a varint of its type holds. */
  readonly varintBits: VarintBits;
  readonly enumNumbers: ReadonlySet<number> | undefined;
  readonly enumNames: readonly string[];
  /** A proto2 enum: a number that it doesn't have leaves the field unset. */
  readonly closed: boolean;
  readonly bytesCheck: BytesCheck | undefined;
  readonly numberCheck: NumberCheck | undefined;
  readonly summed: boolean;
  readonly countCheck: NumberCheck | undefined;
  /** The message's own table; undefined for other kinds. */
  readonly table: (() => MessageTable) | undefined;
}

/** Field numbers up to this are looked up in an array. */
const DENSE_FIELDS = 255;

/** One message type in one context. */
export class MessageTable {
  readonly fields: readonly FieldEntry[];
  /** Fields that something is to be done with once the whole message was seen. */
  readonly settled: readonly FieldEntry[];
  readonly checks: readonly ((message: MessageView) => void)[];
  readonly #dense: (FieldEntry | undefined)[] = [];
  readonly #sparse = new Map<number, FieldEntry>();

  constructor(fields: readonly FieldEntry[], checks: readonly ((message: MessageView) => void)[]) {
    this.fields = fields;
    this.checks = checks;
    this.settled = fields.filter(
      (f) =>
        f.required ||
        f.bytesCheck !== undefined ||
        f.numberCheck !== undefined ||
        f.countCheck !== undefined ||
        (f.kind === Kind.message && !f.repeated),
    );
    for (const field of fields) {
      if (field.number > DENSE_FIELDS) this.#sparse.set(field.number, field);
      while (this.#dense.length <= Math.min(field.number, DENSE_FIELDS)) this.#dense.push(undefined);
      if (field.number <= DENSE_FIELDS) this.#dense[field.number] = field;
    }
  }

  /** The field of that number, or undefined if this type has none. */
  find(number: number): FieldEntry | undefined {
    return number < this.#dense.length ? this.#dense[number] : this.#sparse.get(number);
  }
}

/** Builds tables from descriptors and rules, each once and only when it is asked for. */
export class MessageTables {
  readonly #registry: Registry;
  readonly #rules: RuleSet;
  /** By context, then by type. */
  readonly #tables = new Map<string, Map<string, MessageTable>>();

  /** @throws Error if a rule names a type or field that the descriptors don't have. */
  constructor(registry: Registry, rules: RuleSet) {
    this.#registry = registry;
    this.#rules = rules;
    for (const rule of [...rules.contexts, ...rules.fields]) this.#expectField(rule.field);
    for (const rule of rules.messages) this.#type(rule.type);
  }

  /** @throws Error if the descriptors don't have the type. */
  get(typeName: string, context = ""): MessageTable {
    const known = this.#tables.get(context)?.get(typeName);
    if (known) return known;
    const table = this.#build(this.#type(typeName), context);
    const ofContext = this.#tables.get(context) ?? new Map<string, MessageTable>();
    this.#tables.set(context, ofContext.set(typeName, table));
    return table;
  }

  #type(typeName: string): DescMessage {
    const type = this.#registry.getMessage(typeName);
    if (!type) throw new Error(`no message type ${typeName} in the descriptors`);
    return type;
  }

  #expectField(path: string): void {
    const dot = path.lastIndexOf(".");
    const type = this.#type(path.slice(0, dot));
    if (!type.fields.some((f) => f.name === path.slice(dot + 1)))
      throw new Error(`no field ${path} in the descriptors`);
  }

  #build(type: DescMessage, context: string): MessageTable {
    // Fields in group encoding are left out, and so passed over as unknown ones: neither Mesos nor the bridge has any.
    const fields = type.fields.filter((field) => !isGroup(field));
    const slots = new Map(fields.map((field, slot) => [field.name, slot]));
    const slotOf = (name: string): number => {
      const slot = slots.get(name);
      if (slot === undefined) throw new Error(`no field ${type.typeName}.${name} in the descriptors`);
      return slot;
    };
    const entries = fields.map((field, slot) => this.#entry(type, field, slot, context, slotOf));
    const checks = this.#rules.messages.filter((r) => r.type === type.typeName && holds(r.within, context));
    return new MessageTable(
      entries,
      checks.map((rule) => rule.check(slotOf)),
    );
  }

  #entry(
    type: DescMessage,
    field: DescField,
    slot: number,
    context: string,
    slotOf: (name: string) => number,
  ): FieldEntry {
    const path = `${type.typeName}.${field.name}`;
    const rules = this.#rules.fields.filter((rule) => rule.field === path && holds(rule.within, context));
    const gives = this.#rules.contexts.find((rule) => rule.field === path && holds(rule.within, context))?.gives;
    const siblings = field.oneof?.fields.filter((other) => other !== field) ?? [];
    if (rules.some((rule) => rule.number)) this.#numberRuleFits(field, path);
    const requiredByRule = rules.find((rule) => rule.required !== undefined)?.required;
    return {
      ...shapeOf(field),
      number: field.number,
      name: field.name,
      required: requiredByRule ?? field.presence === LEGACY_REQUIRED,
      slot,
      rivals: siblings.map(({ name }) => ({ name, slot: slotOf(name) })),
      ...checksOf(rules),
      table: this.#tableOf(field, gives),
    };
  }

  #numberRuleFits(field: DescField, path: string): void {
    const fits = field.scalar !== undefined && NUMBERS.has(field.scalar);
    if (!fits) throw new Error(`a rule checks the number of ${path}, which is none that the walk can read`);
  }

  #tableOf(field: DescField, context: string | undefined): (() => MessageTable) | undefined {
    if (field.fieldKind === "map") {
      let entry: MessageTable | undefined;
      return () => {
        entry ??= this.#mapEntry(field, context);
        return entry;
      };
    }
    if (!field.message) return undefined;
    const typeName = field.message.typeName;
    let table: MessageTable | undefined;
    return () => {
      table ??= this.get(typeName, context);
      return table;
    };
  }

  /** A map is on the wire a repeated message of a key and a value. */
  #mapEntry(field: DescField & { fieldKind: "map" }, context: string | undefined): MessageTable {
    const none = { name: "", required: false, rivals: [], ...checksOf([]) };
    const valueType = field.message?.typeName;
    const key: FieldEntry = { ...none, ...scalarShape(field.mapKey), number: 1, slot: 0, table: undefined };
    const shape =
      field.mapKind === "scalar"
        ? scalarShape(field.scalar)
        : field.mapKind === "enum"
          ? enumShape(field.enum.values, field.enum.open)
          : MESSAGE_SHAPE;
    const table = valueType === undefined ? undefined : () => this.get(valueType, context);
    return new MessageTable([key, { ...none, ...shape, number: 2, slot: 1, table }], []);
  }
}

/** FeatureSet.FieldPresence.LEGACY_REQUIRED, what proto2's `required` is called now. */
const LEGACY_REQUIRED = 3;

/** Types that a `number` rule may be about. */
const NUMBERS: ReadonlySet<ScalarType> = new Set([ScalarType.DOUBLE, ScalarType.INT64, ScalarType.INT32]);

function holds(within: string | undefined, context: string): boolean {
  return within === undefined || within === context;
}

function isGroup(field: DescField): boolean {
  return "delimitedEncoding" in field && field.delimitedEncoding === true;
}

type Shape = Pick<
  FieldEntry,
  | "kind"
  | "wireType"
  | "scalar"
  | "repeated"
  | "map"
  | "packable"
  | "varintBits"
  | "enumNumbers"
  | "enumNames"
  | "closed"
>;

const INT32: VarintBits = { bits: 32, signed: true };
const UINT32: VarintBits = { bits: 32, signed: false };
/** Signs of these don't matter: all 64 bits are there. */
const INT64: VarintBits = { bits: 64, signed: true };

const SINGULAR = { repeated: false, map: false, packable: false, scalar: undefined, varintBits: INT32 } as const;
const NO_ENUM = { enumNumbers: undefined, enumNames: [], closed: false } as const;
const MESSAGE_SHAPE: Shape = { ...SINGULAR, ...NO_ENUM, kind: Kind.message, wireType: LENGTH_DELIMITED };

function shapeOf(field: DescField): Shape {
  if (field.fieldKind === "map") return { ...MESSAGE_SHAPE, repeated: true, map: true };
  const shape = field.enum
    ? enumShape(field.enum.values, field.enum.open)
    : field.message
      ? MESSAGE_SHAPE
      : scalarShape(field.scalar);
  if (field.fieldKind !== "list") return shape;
  return { ...shape, repeated: true, packable: shape.wireType !== LENGTH_DELIMITED };
}

function enumShape(values: readonly { number: number; name: string }[], open: boolean): Shape {
  const names = { enumNumbers: new Set(values.map((v) => v.number)), enumNames: values.map((v) => v.name) };
  return { ...SINGULAR, ...names, kind: Kind.enum, wireType: VARINT, closed: !open };
}

function scalarShape(scalar: ScalarType): Shape {
  return { ...SINGULAR, ...NO_ENUM, ...wireOf(scalar), varintBits: varintBitsOf(scalar), scalar };
}

function wireOf(scalar: ScalarType): Pick<FieldEntry, "kind" | "wireType"> {
  switch (scalar) {
    case ScalarType.STRING:
      return { kind: Kind.string, wireType: LENGTH_DELIMITED };
    case ScalarType.BYTES:
      return { kind: Kind.bytes, wireType: LENGTH_DELIMITED };
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return { kind: Kind.number, wireType: FIXED64 };
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return { kind: Kind.number, wireType: FIXED32 };
    default:
      return { kind: Kind.number, wireType: VARINT };
  }
}

function varintBitsOf(scalar: ScalarType): VarintBits {
  if (scalar === ScalarType.INT32) return INT32;
  return scalar === ScalarType.UINT32 || scalar === ScalarType.SINT32 ? UINT32 : INT64;
}

function checksOf(
  rules: readonly FieldRule[],
): Pick<FieldEntry, "bytesCheck" | "numberCheck" | "summed" | "countCheck"> {
  return {
    bytesCheck: rules.find((rule) => rule.bytes)?.bytes,
    numberCheck: rules.find((rule) => rule.number)?.number,
    summed: rules.some((rule) => rule.summed),
    countCheck: rules.find((rule) => rule.count)?.count,
  };
}
