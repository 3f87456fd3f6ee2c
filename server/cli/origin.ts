import { type AnyOption, flagOf, keyOf, type TypedValue, variableOf } from "./options.js";

/** Where a setting comes from. Of several, the first in this order counts. */
export type Origin =
  | { readonly kind: "flag" }
  | { readonly kind: "environment" }
  | { readonly kind: "file"; readonly path: string; readonly line: number }
  | { readonly kind: "default" };

/** What names a setting and its origin before a colon: `--offer-hold`, or `/etc/bridge.toml: line 3: offer-hold`. */
export function placeOf(name: string, option: AnyOption, origin: Origin): string {
  switch (origin.kind) {
    case "environment":
      return variableOf(name, option);
    case "file":
      return `${origin.path}: line ${origin.line}: ${keyOf(name)}`;
    case "flag":
    case "default":
      return flagOf(name);
  }
}

/** The same within a sentence: `offer-hold (/etc/bridge.toml, line 3)`. */
export function mentionOf(name: string, option: AnyOption, origin: Origin): string {
  if (origin.kind !== "file") return placeOf(name, option, origin);
  return `${keyOf(name)} (${origin.path}, line ${origin.line})`;
}

/** The origin alone: `/etc/bridge.toml: line 3`. */
export function originText(name: string, option: AnyOption, origin: Origin): string {
  if (origin.kind === "default") return "default";
  return origin.kind === "file" ? `${origin.path}: line ${origin.line}` : placeOf(name, option, origin);
}

/** What one source says of options, by their names. */
export interface SourceSettings {
  readonly settings: ReadonlyMap<string, { readonly value: TypedValue; readonly origin: Origin }>;
  /** Each is one line that names the setting, its source and the cure. */
  readonly problems: readonly string[];
}
