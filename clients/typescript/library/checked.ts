import { z } from "zod";
import { errorText } from "../../../wire/errorText.js";
import { UsageError } from "./program.js";

/** What a file with JSON says. @throws UsageError when it is none */
export function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not JSON: ${errorText(error)}`);
  }
}

/**
 * A value as a schema has it.
 *
 * @param at  where the value is: what stands before the name of a field
 * @throws UsageError with one line about the first field that is wrong
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, at: string): T {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data;
  const [issue] = error.issues;
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const field = z.core.toDotPath([...(issue?.path ?? []), ...unknown]);
  const fault = unknown.length > 0 ? "unknown field" : inWords(issue?.message ?? "");
  // What is wrong as a whole has no field.
  throw new UsageError(field === "" ? `${at.replace(/\.$/, ": ")}${fault}` : `${at}${field}: ${fault}`);
}

/** What a schema says of a value: what it expects, and not how it calls that. */
function inWords(message: string): string {
  return message
    .replace(/^(Invalid (input|option)|Too (big|small)): |^Invalid discriminator value\. /, "")
    .replace(/^Expected /, "expected one of ")
    .replace(/expected string to have >=1 characters$/, "expected some text, received none")
    .replace(/>=(\S+)/, "at least $1")
    .replace(/<=(\S+)/, "at most $1");
}

/**
 * The items of a file: one alone, a list of them, or an object whose only field is such a list.
 *
 * @param list  the name of that field
 * @returns each with its place, as a field can follow it: `apps.json: apps[0].`
 * @throws UsageError when the object has other fields, or no list
 */
export function itemsOf(file: string, json: unknown, list: string): { item: unknown; at: string }[] {
  const places = (items: readonly unknown[], name: string) =>
    items.map((item, i) => ({ item, at: `${file}: ${name}[${i}].` }));
  if (Array.isArray(json)) return places(json, "");
  if (!(json instanceof Object && list in json)) return [{ item: json, at: `${file}: ` }];
  const whole = checked(z.strictObject({ [list]: z.array(z.unknown()) }), json, `${file}: `);
  return places(whole[list] ?? [], list);
}
