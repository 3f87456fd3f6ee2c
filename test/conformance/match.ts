import type { JsonValue } from "@bufbuild/protobuf";

/** What was seen at one place, to be compared at another: request ids. */
export type Saved = Map<string, JsonValue | undefined>;

/**
 * What is wrong with `seen`, as lines; none if it matches. An object matches one that has at least its members. Special
 * values: `{"$any": true}` something, `{"$absent": true}` nothing, `{"$save": n}` something, remembered as n,
 * `{"$same": n}` and `{"$differs": n}` compare with that, `{"$includes": t}` is a text with t in it, or with each
 * of a list of texts, `{"$oneOf": [...]}` one of these.
 */
export function mismatches(
  expected: JsonValue,
  seen: JsonValue | undefined,
  saved: Saved = new Map(),
  path = "",
): string[] {
  const wrong = (what: string) => [`${path || "it"}: ${what}, and is ${shown(seen)}`];
  if (Array.isArray(expected)) {
    if (!Array.isArray(seen)) return wrong("should be a list");
    if (expected.length !== seen.length) return wrong(`should have ${expected.length} items`);
    return expected.flatMap((item, i) => mismatches(item, seen[i], saved, `${path}[${i}]`));
  }
  if (expected === null || typeof expected !== "object") {
    return expected === seen ? [] : wrong(`should be ${shown(expected)}`);
  }
  if (Object.keys(expected).some((key) => key.startsWith("$"))) {
    const what = special(expected, seen, saved);
    return what === undefined ? [] : wrong(what);
  }
  if (seen === null || typeof seen !== "object" || Array.isArray(seen)) return wrong("should be an object");
  return Object.entries(expected).flatMap(([key, member]) =>
    mismatches(member as JsonValue, seen[key], saved, path === "" ? key : `${path}.${key}`),
  );
}

function special(
  { $any, $absent, $save, $same, $differs, $includes, $oneOf }: Record<string, JsonValue>,
  seen: JsonValue | undefined,
  saved: Saved,
): string | undefined {
  const empty = seen === undefined || seen === null || seen === "";
  if (Array.isArray($oneOf)) {
    const fits = $oneOf.some((value) => mismatches(value, seen, saved).length === 0);
    return fits ? undefined : `should be one of ${shown($oneOf)}`;
  }
  if ($absent !== undefined) return empty ? undefined : "should not be there";
  if (empty) return "should be there";
  if ($save !== undefined) saved.set(String($save), seen);
  if ($same !== undefined && saved.get(String($same)) !== seen) return `should be ${shown(saved.get(String($same)))}`;
  if ($differs !== undefined && saved.get(String($differs)) === seen) return "should be another one";
  for (const part of [$includes ?? []].flat())
    if (!String(seen).includes(String(part))) return `should have ${shown(part)} in it`;
  return $any === undefined && [$save, $same, $differs, $includes].every((value) => value === undefined)
    ? "can't match: the case uses an unknown special value"
    : undefined;
}

/** Compares a list in which "..." stands for any items, and `{"$oneOrMore": item}` for one or more that match. */
export function listMismatches(expected: readonly JsonValue[], seen: readonly JsonValue[]): string[] {
  const saved: Saved = new Map();
  let from = 0;
  let loose = false;
  for (const [i, entry] of expected.entries()) {
    if (entry === "...") {
      loose = true;
      continue;
    }
    const repeated = oneOrMore(entry);
    const item = repeated ?? entry;
    const matches = (other: JsonValue) => mismatches(item, other).length === 0;
    const found = loose ? seen.findIndex((other, at) => at >= from && matches(other)) : from;
    if (found < 0 || found >= seen.length) return [`nothing matches item ${i}, ${shown(item)}, in ${shown([...seen])}`];
    const wrong = mismatches(item, seen[found], saved, `[${found}]`);
    if (wrong.length > 0) return [...wrong, `all of it: ${shown([...seen])}`];
    from = found + 1;
    if (repeated !== undefined) from += countWhile(seen.slice(from), matches);
    loose = false;
  }
  return loose || from === seen.length ? [] : [`too many: ${shown(seen.slice(from))}`];
}

function oneOrMore(entry: JsonValue): JsonValue | undefined {
  return entry !== null && typeof entry === "object" && !Array.isArray(entry) ? entry.$oneOrMore : undefined;
}

function countWhile(items: readonly JsonValue[], matches: (item: JsonValue) => boolean): number {
  const end = items.findIndex((item) => !matches(item));
  return end < 0 ? items.length : end;
}

export function shown(value: JsonValue | undefined): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 4000 ? `${text.slice(0, 4000)}...` : text;
}
