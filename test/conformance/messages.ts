import { readFileSync } from "node:fs";
import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescMethod,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  EnumValueDescriptorProtoSchema,
  FieldDescriptorProto_Label,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { at } from "../support/paths.js";

/** Every enum has this value here, which no client knows. */
const FROM_THE_FUTURE = { name: "FROM_THE_FUTURE", number: 9999 };

// Not the code that the bridge and the TypeScript client share, so that they can't agree on a mistake.
const registry = createFileRegistry(changed(readFileSync(at("gen/descriptors.binpb"))));

/** The methods of SchedulerService, by name. */
export const methods: ReadonlyMap<string, DescMethod> = new Map(
  (registry.getService("mesosbridge.v1.SchedulerService")?.methods ?? []).map((method) => [method.name, method]),
);

/**
 * The files with two changes: nothing is required, for cases leave out what does not matter to them, and so may
 * clients; and enums have a value more.
 */
function changed(bytes: Uint8Array): FileDescriptorSet {
  const extend = ({ value }: EnumDescriptorProto): void => {
    value.push(create(EnumValueDescriptorProtoSchema, FROM_THE_FUTURE));
  };
  const relax = ({ field, nestedType, enumType }: DescriptorProto): void => {
    for (const one of field) {
      if (one.label === FieldDescriptorProto_Label.REQUIRED) one.label = FieldDescriptorProto_Label.OPTIONAL;
    }
    nestedType.forEach(relax);
    enumType.forEach(extend);
  };
  const set = fromBinary(FileDescriptorSetSchema, bytes);
  for (const { messageType, enumType } of set.file) {
    messageType.forEach(relax);
    enumType.forEach(extend);
  }
  return set;
}

function message(name: string): DescMessage {
  const found = registry.getMessage(name);
  if (found === undefined) throw new Error(`there is no message ${name}`);
  return found;
}

/** A message from its proto JSON; what `$append` holds (hexadecimal) follows its bytes. */
export function encode(name: string, json: JsonValue): Buffer {
  const { $append = "", ...fields } = json as Record<string, JsonValue>;
  const bytes = toBinary(message(name), fromJson(message(name), expanded(fields), { registry }));
  return Buffer.concat([bytes, Buffer.from(String($append), "hex")]);
}

/** A message as proto JSON. */
export function decode(schema: DescMessage, bytes: Uint8Array): JsonValue {
  return toJson(schema, fromBinary(schema, bytes), { registry });
}

/** A SubscribeResponse of these events. */
export function responseOf(events: readonly JsonValue[]): Buffer {
  return Buffer.concat(events.flatMap((event) => lengthDelimited(1, encode("mesosbridge.v1.SessionEvent", event))));
}

function lengthDelimited(field: number, bytes: Buffer): Buffer[] {
  return [Buffer.from([(field << 3) | 2, ...varint(bytes.length)]), bytes];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
}

/** `{"$repeat": "x", "times": 3}` is "xxx", so that large texts need not stand in a case. */
export function expanded(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(expanded);
  if (value === null || typeof value !== "object") return value;
  const { $repeat, times } = value;
  if (typeof $repeat === "string") return $repeat.repeat(Number(times));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, expanded(member as JsonValue)]));
}
