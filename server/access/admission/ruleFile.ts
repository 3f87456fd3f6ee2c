import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { errorText } from "../../../wire/errorText.js";
import { didYouMean } from "../permissions/suggestion.js";
import type { Rule, RuleEngine } from "./rule.js";

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_RULES = 100;
const MAX_MESSAGE_LENGTH = 500;

const NAME = "must be 1 to 64 letters, digits, '-', '_' or '.', such as 'no-root'";
const RULE_KEYS = ["name", "expression", "mode", "message"];

const text = (what: string) => z.string({ error: `is required: ${what}` });
const rule = z.strictObject({
  name: text("name the rule, such as 'no-root'").regex(/^[\w.-]{1,64}$/, NAME),
  expression: text("write in CEL what must be true of a task"),
  mode: z.enum(["deny", "warn", "audit"], { error: "must be deny, warn or audit" }).default("deny"),
  message: text("say what to do instead")
    .min(1, "must not be empty: say what to do instead")
    .max(MAX_MESSAGE_LENGTH, `must be at most ${MAX_MESSAGE_LENGTH} characters`),
});
const file = z.strictObject({
  rule: z
    .array(z.unknown(), { error: "must be written as [[rule]]" })
    .max(MAX_RULES, `must be at most ${MAX_RULES} rules`)
    .optional(),
});
/** What a file is that was cut off while it was written. Nobody means to admit everything with it. */
const NO_RULE = "holds no rule: write at least one [[rule]], or rule = [] if everything is to be admitted";

/** Compiles what a file of rules holds. @throws Error with one line that names the file, the rule, what is wrong and the cure */
export function rulesOf(path: string, content: Uint8Array, engine: RuleEngine): Rule[] {
  if (content.length > MAX_FILE_BYTES) throw new Error(`${path}: must be at most ${MAX_FILE_BYTES / 1024} KiB`);
  const parsed = file.safeParse(toml(path, Buffer.from(content).toString("utf8")));
  if (!parsed.success) throw new Error(`${path}: ${problemOf(parsed.error, ["rule"])}`);
  const { rule: rules } = parsed.data;
  if (rules === undefined) throw new Error(`${path}: ${NO_RULE}`);
  const names = new Set<string>();
  return rules.map((given, index) => {
    const read = rule.safeParse(given);
    if (!read.success) throw new Error(`${path}: ${placeOf(given, index)}: ${problemOf(read.error, RULE_KEYS)}`);
    const place = `${path}: ${placeOf(given, index)}`;
    if (names.has(read.data.name)) throw new Error(`${place}: has the name of another rule: give it one of its own`);
    names.add(read.data.name);
    try {
      return engine.compile(read.data);
    } catch (error) {
      throw new Error(`${place}: expression ${errorText(error)}`);
    }
  });
}

function toml(path: string, content: string): unknown {
  try {
    return parse(content, { maxDepth: 4 });
  } catch (error) {
    // The library's text ends with a piece of the file.
    const [first = ""] = errorText(error).split("\n");
    const place = error instanceof TomlError ? `line ${error.line}, column ${error.column}: ` : "";
    throw new Error(`${path}: ${place}${first.replace(/^Invalid TOML document: /, "")}`);
  }
}

/** "rule 2 ('no-root')", or without a name that can be told. */
function placeOf(given: unknown, index: number): string {
  const name: unknown = typeof given === "object" && given !== null && "name" in given ? given.name : undefined;
  const told = typeof name === "string" && /^[\w.-]{1,64}$/.test(name) ? ` ('${name}')` : "";
  return `rule ${index + 1}${told}`;
}

/** @param known the keys that there may be */
function problemOf({ issues }: z.ZodError, known: readonly string[]): string {
  // A misspelt key is also one that is missing: the spelling is what helps.
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  if (!issue) return "is not valid";
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    return `'${key}' is not known${didYouMean(key, known)}`;
  }
  return [issue.path.join("."), issue.message].filter((part) => part !== "").join(" ");
}
