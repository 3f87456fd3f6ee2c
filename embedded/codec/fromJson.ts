import { type Fields, fieldValue } from "./initialized.js";
import { JsonNumber, type JsonObject, type JsonValue, parseJson } from "./jsonText.js";
import type { FieldSchema, MessageSchema } from "./schema.js";

/** The JSON value does not fit the message. The message is worded as Mesos's. */
export class JsonConversionError extends Error {
  override readonly name = "JsonConversionError";
}

/**
 * Converts JSON to the shape of a generated message by Mesos's own rules, which are not proto3's: only the names in the
 * proto, enums by name, unknown fields ignored, one object where several are expected.
 *
 * @throws JsonConversionError
 */
export function fromJson(schema: MessageSchema, value: JsonValue): Fields {
  if (!(value instanceof Map)) throw new JsonConversionError("Expecting a JSON object");
  return convertObject(schema, value);
}

function convertObject(schema: MessageSchema, object: JsonObject): Fields {
  const message = emptyMessage(schema);
  for (const field of schema.fields) {
    const value = object.get(field.name);
    if (value !== undefined && value !== null) assign(message, field, value);
  }
  return message;
}

function emptyMessage(schema: MessageSchema): Fields {
  const message: Fields = {};
  for (const field of schema.fields) {
    if (field.repeated) message[field.key] = [];
    else if (field.map) message[field.key] = {};
  }
  return message;
}

function assign(message: Fields, field: FieldSchema, value: JsonValue): void {
  if (field.map) {
    if (!(value instanceof Map)) throw refusal(field, value);
    const entry = field;
    const target = message[field.key] as Fields;
    for (const [key, item] of value) {
      if (item !== null) target[key] = convert({ ...entry, map: false }, item);
    }
  } else if (Array.isArray(value)) {
    if (!field.repeated) throw new JsonConversionError(`Not expecting a JSON array for field '${field.name}'`);
    for (const item of value) if (item !== null) append(message, field, item);
  } else append(message, field, value);
}

function append(message: Fields, field: FieldSchema, value: JsonValue): void {
  const converted = convert(field, value);
  if (converted === undefined) return;
  if (field.repeated) (fieldValue(message, field) as unknown[]).push(converted);
  else if (field.oneof) message[field.oneof] = { $case: field.key, value: converted };
  else message[field.key] = converted;
}

function convert(field: FieldSchema, value: JsonValue): unknown {
  if (value instanceof Map) {
    if (field.kind !== "message") throw refusal(field, value);
    return convertObject(field.message(), value);
  }
  if (value instanceof JsonNumber) return convertNumber(field, value);
  if (typeof value === "boolean") {
    if (field.kind !== "bool") throw refusal(field, value);
    return value;
  }
  if (typeof value === "string") return convertString(field, value);
  throw refusal(field, value);
}

function convertNumber(field: FieldSchema, value: JsonNumber): number | bigint {
  if (field.kind === "double") return Number(value.text);
  if (field.kind === "int") return Math.trunc(Number(value.text));
  if (field.kind === "long") return wholeNumber(value.text);
  throw refusal(field, value);
}

function wholeNumber(text: string): bigint {
  return /^-?\d+$/.test(text) ? BigInt(text) : BigInt(Math.trunc(Number(text)));
}

function convertString(field: FieldSchema, value: string): unknown {
  switch (field.kind) {
    case "string":
      return value;
    case "bytes":
      return decodeBase64(field, value);
    case "enum":
      return convertEnum(field, value);
    case "double":
      if (/^-?Infinity$/.test(value)) return Number(value);
      return convertNumber(field, embedded(field, value, "number") as JsonNumber);
    case "int":
    case "long":
      return convertNumber(field, embedded(field, value, "number") as JsonNumber);
    case "bool":
      return embedded(field, value, "boolean");
    default:
      throw refusal(field, value);
  }
}

function convertEnum(field: FieldSchema, value: string): number | undefined {
  const number = field.enumNumbers?.get(value);
  if (number === undefined && field.required) {
    throw new JsonConversionError(`Failed to find enum for '${value}'`);
  }
  return number;
}

/** A number or boolean that was written as a string. */
function embedded(field: FieldSchema, text: string, wanted: "number" | "boolean"): JsonNumber | boolean {
  const complain = (why: string) =>
    new JsonConversionError(`Failed to parse '${text}' as a JSON ${wanted} for field '${field.name}': ${why}`);
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (error) {
    throw complain(error instanceof Error ? error.message : String(error));
  }
  if (wanted === "number" && value instanceof JsonNumber) return value;
  if (wanted === "boolean" && typeof value === "boolean") return value;
  throw complain(`JSON value is not a JSON ${wanted}`);
}

function decodeBase64(field: FieldSchema, text: string): Buffer {
  const stripped = text.replace(/=+$/, "");
  const bad = /[^A-Za-z0-9+/]/.exec(stripped);
  if (bad) {
    throw new JsonConversionError(`Failed to base64 decode bytes field '${field.name}': Invalid character '${bad[0]}'`);
  }
  return Buffer.from(stripped, "base64");
}

function refusal(field: FieldSchema, value: JsonValue): JsonConversionError {
  let kind = "null";
  if (value instanceof Map) kind = "object";
  else if (value instanceof JsonNumber) kind = "number";
  else if (Array.isArray(value)) kind = "array";
  else if (value !== null) kind = typeof value;
  return new JsonConversionError(`Not expecting a JSON ${kind} for field '${field.name}'`);
}
