import { JsonNumber, type JsonValue, parseJson } from "./jsonText.js";

/** A JSON text with the names of all its objects in order, as Mesos writes JSON within its messages. */
export function sortedJson(text: string): string {
  return sorted(parseJson(text));
}

function sorted(value: JsonValue): string {
  if (value instanceof JsonNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(sorted).join(",")}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  const names = [...value.keys()].sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${sorted(value.get(name) ?? null)}`).join(",")}}`;
}
