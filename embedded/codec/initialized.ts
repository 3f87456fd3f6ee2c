import type { FieldSchema, MessageSchema } from "./schema.js";

export type Fields = Record<string, unknown>;

/** The value of a field of a generated message, wherever ts-proto keeps it. */
export function fieldValue(message: Fields, field: FieldSchema): unknown {
  if (field.oneof === undefined) return message[field.key];
  const chosen = message[field.oneof] as { $case: string; value: unknown } | undefined;
  return chosen?.$case === field.key ? chosen.value : undefined;
}

/**
 * Drops enum numbers that this release does not know, as proto2 does: the field counts as unset.
 * Changes `message` in place.
 */
export function dropUnknownEnums(schema: MessageSchema, message: Fields): void {
  for (const field of schema.fields) {
    const value = fieldValue(message, field);
    if (value === undefined) continue;
    if (field.kind === "enum") {
      if (Array.isArray(value)) message[field.key] = value.filter((item) => field.enumNames?.has(item as number));
      else if (!field.enumNames?.has(value as number)) message[field.oneof ?? field.key] = undefined;
    } else if (field.kind === "message") {
      for (const [, inner] of submessages(field, value)) dropUnknownEnums(field.message(), inner);
    }
  }
}

/** Paths of the required fields that are unset, in the order in which Mesos names them. */
export function missingRequired(schema: MessageSchema, message: Fields): string[] {
  const missing: string[] = [];
  collectMissing(schema, message, "", missing);
  return missing;
}

function collectMissing(schema: MessageSchema, message: Fields, prefix: string, missing: string[]): void {
  for (const field of schema.fields) {
    if (field.required && fieldValue(message, field) === undefined) missing.push(prefix + field.name);
  }
  for (const field of schema.fieldsByNumber) {
    const value = field.kind === "message" ? fieldValue(message, field) : undefined;
    if (value === undefined) continue;
    for (const [index, inner] of submessages(field, value)) {
      collectMissing(field.message(), inner, `${prefix}${field.name}${index}.`, missing);
    }
  }
}

function submessages(field: FieldSchema, value: unknown): Array<[index: string, Fields]> {
  // Entries have a key and a value; only the value can lack something.
  if (field.map) return Object.values(value as Fields).map((inner, index) => [`[${index}].value`, inner as Fields]);
  if (field.repeated) return (value as Fields[]).map((inner, index) => [`[${index}]`, inner]);
  return [["", value as Fields]];
}
