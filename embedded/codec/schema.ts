import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  ScalarType,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** `LEGACY_REQUIRED` of google.protobuf.FeatureSet.FieldPresence. */
const REQUIRED = 3;

export type FieldKind = "string" | "bytes" | "bool" | "double" | "int" | "long" | "enum" | "message";

/** What the codecs and checks need to know of a field; the generated code knows neither defaults nor `required`. */
export interface FieldSchema {
  /** Name in the proto, and in JSON. */
  readonly name: string;
  /** Property of the generated class. */
  readonly key: string;
  readonly number: number;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  /** A map from strings to values of `kind`. */
  readonly map: boolean;
  readonly required: boolean;
  /** Property that holds the field as `{ $case, value }`. */
  readonly oneof: string | undefined;
  /** The explicit default of a field that is not deprecated: Mesos writes it into JSON when the field is unset. */
  readonly jsonDefault: string | number | bigint | boolean | undefined;
  readonly enumNames: ReadonlyMap<number, string> | undefined;
  readonly enumNumbers: ReadonlyMap<string, number> | undefined;
  message(): MessageSchema;
}

export interface MessageSchema {
  readonly typeName: string;
  readonly fields: readonly FieldSchema[];
  readonly fieldsByNumber: readonly FieldSchema[];
  readonly byName: ReadonlyMap<string, FieldSchema>;
}

let registry: FileRegistry | undefined;
const schemas = new Map<string, MessageSchema>();

/** The schema of a message by its full name, such as `mesos.v1.TaskInfo`. @throws Error for an unknown name. */
export function messageSchema(typeName: string): MessageSchema {
  const known = schemas.get(typeName);
  if (known) return known;
  registry ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptorFile())));
  const message = registry.getMessage(typeName);
  if (!message) throw new Error(`no message ${typeName} in the descriptors`);
  const schema = buildMessage(message);
  schemas.set(typeName, schema);
  return schema;
}

/** `gen/descriptors.binpb`, looked for upwards from here: sources and their compiled form lie at different depths. */
function descriptorFile(): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    const candidate = join(directory, "gen", "descriptors.binpb");
    if (existsSync(candidate)) return candidate;
    if (directory === dirname(directory)) throw new Error("gen/descriptors.binpb is missing: generate the code first");
  }
}

function buildMessage(message: DescMessage): MessageSchema {
  const fields = message.fields.map(buildField);
  return {
    typeName: message.typeName,
    fields,
    fieldsByNumber: [...fields].sort((a, b) => a.number - b.number),
    byName: new Map(fields.map((field) => [field.name, field])),
  };
}

function buildField(field: DescField): FieldSchema {
  const values = field.enum?.values ?? [];
  const target = field.message?.typeName;
  return {
    name: field.name,
    key: camelCase(field.name),
    number: field.number,
    kind: kindOf(field),
    repeated: field.fieldKind === "list",
    map: field.fieldKind === "map",
    required: field.presence === REQUIRED,
    oneof: field.oneof ? camelCase(field.oneof.name) : undefined,
    jsonDefault: jsonDefaultOf(field),
    enumNames: field.enum ? new Map(values.map((value) => [value.number, value.name])) : undefined,
    enumNumbers: field.enum ? new Map(values.map((value) => [value.name, value.number])) : undefined,
    message() {
      if (target === undefined) throw new Error(`${field.name} holds no message`);
      return messageSchema(target);
    },
  };
}

function jsonDefaultOf(field: DescField): FieldSchema["jsonDefault"] {
  if (field.deprecated || (field.fieldKind !== "scalar" && field.fieldKind !== "enum")) return undefined;
  if (field.proto.defaultValue === "") return undefined;
  const value = field.getDefaultValue();
  return value instanceof Uint8Array ? undefined : value;
}

function kindOf(field: DescField): FieldKind {
  if (field.message) return "message";
  if (field.enum) return "enum";
  switch (field.scalar) {
    case ScalarType.STRING:
      return "string";
    case ScalarType.BYTES:
      return "bytes";
    case ScalarType.BOOL:
      return "bool";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return "double";
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return "long";
    default:
      return "int";
  }
}

function camelCase(name: string): string {
  return name.replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
