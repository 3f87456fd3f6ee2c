import { masked } from "../mesos/detect/masterSpec.js";
import { type AnyOption, keyOf, type OptionTable, type TypedValue } from "./options.js";
import { originText } from "./origin.js";
import { oneLine, type Setting, type Settings } from "./settings.js";

/** A setting as it may be shown to anyone. */
export interface ShownSetting {
  readonly key: string;
  /** Null if the option is not set and has no default. */
  readonly value: string | readonly string[] | boolean | null;
  readonly source: Setting["origin"]["kind"];
  /** The flag, the variable, or file and line; undefined for a default. */
  readonly from: string | undefined;
  /** Other places that set it, which do not count. */
  readonly overrides: readonly string[];
}

/** All settings in the table's order, without passwords. */
export function shownSettings<T extends OptionTable>(table: T, settings: Settings<T>): ShownSetting[] {
  return [...settings.all].map(([name, { value, origin, overridden }]) => {
    const option = table[name] ?? { help: "" };
    const overrides = overridden.map((each) => originText(name, option, each));
    const from = origin.kind === "default" ? undefined : originText(name, option, origin);
    return { key: keyOf(name), value: shownValue(option, value), source: origin.kind, from, overrides };
  });
}

/** The value of an option without passwords. */
export function shownValue(option: AnyOption, value: TypedValue): ShownSetting["value"] {
  if (value === undefined) return null;
  if (typeof value === "boolean") return value;
  const show = ("read" in option && option.shown) || withoutCredentials;
  return typeof value === "string" ? show(value) : value.map((each) => show(each));
}

const withoutCredentials = (text: string) => (text.includes("://") ? masked(text) : text);

/** A line for each setting: key, value, source. */
export function settingsTable(settings: readonly ShownSetting[]): string {
  const rows = settings.map(({ key, value, from, overrides }) => [
    key,
    oneLine(value === null ? "-" : [value].flat().join(", ")),
    oneLine((from ?? "default") + (overrides.length === 0 ? "" : ` (not ${overrides.join(", ")})`)),
  ]);
  const widths = [0, 1].map((column) => rows.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0));
  return rows.map((row) => `${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")}\n`).join("");
}

/** The same as an object by keys. */
export function settingsJson(settings: readonly ShownSetting[]): string {
  const byKey = settings.map(({ key, ...rest }) => [key, rest] as const);
  return `${JSON.stringify(Object.fromEntries(byKey), null, 2)}\n`;
}
