import { type Fields, fieldValue } from "./initialized.js";
import type { FieldSchema, MessageSchema } from "./schema.js";

/** Lists that Mesos writes even when they are empty. */
const EMPTY_LISTS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["mesos.v1.master.Response.GetAgents", new Set(["agents", "recovered_agents"])],
  ["mesos.v1.master.Response.GetExecutors", new Set(["executors"])],
  ["mesos.v1.master.Response.GetFrameworks", new Set(["frameworks", "completed_frameworks"])],
  ["mesos.v1.master.Response.GetTasks", new Set(["tasks", "completed_tasks", "unreachable_tasks"])],
]);

/**
 * The message as JSON text as Mesos writes it: names as in the proto, set fields and unset ones with an explicit
 * default, doubles always with a fraction, 64-bit integers as numbers, bytes as base64, enums by name. An enum number
 * without a name is left out.
 */
export function toJson(schema: MessageSchema, message: object): string {
  const parts: string[] = [];
  for (const field of schema.fields) {
    const isList = EMPTY_LISTS.get(schema.typeName)?.has(field.name);
    const text = fieldText(field, fieldValue(message as Fields, field)) ?? (isList ? "[]" : undefined);
    if (text !== undefined) parts.push(`"${field.name}":${text}`);
  }
  return `{${parts.join(",")}}`;
}

function fieldText(field: FieldSchema, value: unknown): string | undefined {
  if (field.map) {
    const entries = Object.entries((value ?? {}) as Fields);
    if (entries.length === 0) return undefined;
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${valueText(field, item)}`).join(",")}}`;
  }
  if (field.repeated) {
    const items = (value ?? []) as unknown[];
    if (items.length === 0) return undefined;
    return `[${items.map((item) => valueText(field, item)).join(",")}]`;
  }
  const present = value ?? field.jsonDefault;
  return present === undefined ? undefined : valueText(field, present);
}

function valueText(field: FieldSchema, value: unknown): string | undefined {
  switch (field.kind) {
    case "message":
      return toJson(field.message(), value as object);
    case "double":
      return doubleText(value as number);
    case "bytes":
      return `"${Buffer.from(value as Uint8Array).toString("base64")}"`;
    case "enum": {
      const name = field.enumNames?.get(value as number);
      return name === undefined ? undefined : `"${name}"`;
    }
    case "string":
      return JSON.stringify(value);
    default:
      return String(value);
  }
}

/** The shortest text that reads back the same, and always a fraction. */
export function doubleText(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
