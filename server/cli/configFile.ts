import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { errorText } from "../../wire/errorText.js";
import { readToml } from "../access/permissions/permissionsFile.js";
import { nearestOf } from "../access/permissions/suggestion.js";
import { whyUnreadable } from "../files/watchedFiles.js";
import { keyLine, keyOnLine } from "./configLines.js";
import { type AnyOption, keyOf, type OptionTable, type TypedValue } from "./options.js";
import type { Origin, SourceSettings } from "./origin.js";

/** Where the file is, and what named it: a flag or a variable. */
export interface ConfigFile {
  readonly path: string | undefined;
  readonly namedBy: string;
}

export const noFile: ConfigFile = { path: undefined, namedBy: "" };

const MAX_BYTES = 256 * 1024;
const MAX_KEY = 60;

/** What a file says of options. */
export function fileSettings(table: OptionTable, { path, namedBy }: ConfigFile): SourceSettings {
  if (path === undefined) return { settings: new Map(), problems: [] };
  let text: string;
  try {
    text = readBounded(path);
  } catch (error) {
    return { settings: new Map(), problems: [`${namedBy}: ${path} can't be read: ${whyUnreadable(error)}`] };
  }
  try {
    return settingsIn(table, path, text);
  } catch (error) {
    return { settings: new Map(), problems: [`${path}: ${withFirst(errorText(error), text)}`] };
  }
}

function settingsIn(table: OptionTable, path: string, text: string): SourceSettings {
  const settings = new Map<string, { value: TypedValue; origin: Origin }>();
  const problems: string[] = [];
  const known = new Map(Object.entries(table).map(([name, option]) => [keyOf(name), { name, option }]));
  for (const [key, raw] of Object.entries(readToml(text) as Record<string, unknown>)) {
    const line = keyLine(text, key);
    const found = known.get(key);
    const { value, problem } = found ? fileValue(found.option, raw) : unknown(key, raw, [...known.keys()]);
    if (problem !== undefined) problems.push(`${path}: line ${line}: ${key.slice(0, MAX_KEY)} ${problem}`);
    else if (found) settings.set(found.name, { value, origin: { kind: "file", path, line } });
  }
  return { settings, problems };
}

interface Found {
  readonly value?: TypedValue;
  /** To be read after the key. */
  readonly problem?: string;
}

function unknown(key: string, raw: unknown, known: readonly string[]): Found {
  const nearest = nearestOf(key, known);
  if (nearest !== undefined) return { problem: `is not known: did you mean '${nearest}'?` };
  const isTable = typeof raw === "object" && raw !== null && !Array.isArray(raw) && !(raw instanceof Date);
  const advice = isTable
    ? "write all keys at the top, without [tables]"
    : "'mesos-bridge serve --help' lists the options";
  return { problem: `is not known: ${advice}` };
}

function fileValue(option: AnyOption, raw: unknown): Found {
  if (!("read" in option)) return typeof raw === "boolean" ? { value: raw } : { problem: "must be true or false" };
  if (typeof raw === "string") return { value: "repeated" in option ? [raw] : raw };
  if (typeof raw === "number" && option.schema.type === "integer") return { value: String(raw) };
  if (!("repeated" in option)) return { problem: wanted(option.schema.type, exampleOf(option)) };
  const texts = Array.isArray(raw) ? raw : [];
  const all = texts.filter((each: unknown) => typeof each === "string");
  if (all.length > 0 && all.length === texts.length) return { value: all };
  return { problem: `must be a list of texts, such as ["${option.default}"]` };
}

function wanted(type: string, example: string): string {
  return type === "integer" ? `must be a whole number${example}` : `must be a text in quotes${example}`;
}

function exampleOf({ default: text, schema }: { default: string | undefined; schema: { type: string } }): string {
  if (text === undefined) return "";
  return `, such as ${schema.type === "integer" ? text : `"${text}"`}`;
}

/** @throws Error that says why the file can't be read, to be read after its path */
function readBounded(path: string): string {
  const found = statSync(path);
  if (!found.isFile()) throw new Error(found.isDirectory() ? "it is a directory" : "it is not a regular file");
  const file = openSync(path, "r");
  try {
    if (fstatSync(file).size > MAX_BYTES) throw tooLarge();
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count) {
      count = readSync(file, bytes, length, bytes.length - length, null);
    }
    if (length > MAX_BYTES) throw tooLarge();
    return utf8(bytes.subarray(0, length));
  } finally {
    closeSync(file);
  }
}

const tooLarge = () => new Error(`it has more than ${MAX_BYTES / 1024} KiB: is it the right file?`);

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error("it is not UTF-8: save it as UTF-8");
  }
}

/** The parser says of a key that is given twice only where it is the second time. */
function withFirst(problem: string, text: string): string {
  const [, line] = /^line (\d+), column \d+: .*redefine/.exec(problem) ?? [];
  if (line === undefined) return problem;
  const key = keyOnLine(text, Number(line));
  if (key === undefined || keyLine(text, key) >= Number(line)) return problem;
  return `line ${line}: ${key.slice(0, MAX_KEY)} is given twice, first in line ${keyLine(text, key)}: leave one of them out`;
}
