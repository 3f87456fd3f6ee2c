import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { errorText } from "../../../wire/errorText.js";
import { FileLines } from "./fileLines.js";
import { type Glob, parseGlob } from "./glob.js";
import { LIMIT_NAMES, type Rule, SERVICES, VERBS } from "./rule.js";
import { didYouMean } from "./suggestion.js";

export const MAX_FILE_BYTES = 1024 * 1024;
const MAX_RULES = 1_000;
const MAX_GLOBS = 10_000;
const MAX_GLOB_LENGTH = 512;
/** Nothing in a rule is deeper. */
const MAX_DEPTH = 8;

const IDENTITY_KINDS = ["unix:", "uri:", "dns:", "cn:", "token:", "jwt:"];
const ALLOWED = [...VERBS, ...SERVICES] as const;
const SIZE_UNITS: Record<string, number> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

const globs = z.array(
  z.string().max(MAX_GLOB_LENGTH, `must be at most ${MAX_GLOB_LENGTH} characters`).transform(readGlob),
  {
    error: 'must be a list of texts, such as ["team-a-*"]',
  },
);
const identities = z
  .array(z.string().max(MAX_GLOB_LENGTH, `must be at most ${MAX_GLOB_LENGTH} characters`).transform(readIdentity), {
    error: (issue) =>
      issue.input === undefined
        ? 'is required: name who the rule is for, such as ["cn:team-a-*"]'
        : 'must be a list of texts, such as ["cn:team-a-*"]',
  })
  .min(1, "must name at least one identity");
const allow = z
  .array(z.string().transform(readAllowed), {
    error: (issue) =>
      issue.input === undefined
        ? `is required: use ${ALLOWED.join(", ")}`
        : 'must be a list of texts, such as ["attach", "call"]',
  })
  .min(1, "must allow something");
const count = z
  .number({ error: "must be a whole number" })
  .int("must be a whole number")
  .min(1, "must be at least 1")
  .max(1_000_000_000, "must be at most 1000000000");
const size = z.union([count, z.string().transform(readSize)], { error: 'must be a size, such as "8MiB"' });
const limits = z.strictObject({
  frameworks: count.optional(),
  attachments: count.optional(),
  observers: count.optional(),
  "calls-per-second": count.optional(),
  "waiting-bytes": size.optional(),
});

const RULE_KEYS = ["identities", "allow", "frameworks", "roles", "users", "principals", "limits"];
const rule = z.strictObject({
  identities,
  allow,
  frameworks: globs.optional(),
  roles: globs.optional(),
  users: globs.optional(),
  principals: globs.optional(),
  limits: limits.optional(),
});
const file = z.strictObject({
  rule: z
    .array(rule, { error: "must be written as [[rule]]" })
    .max(MAX_RULES, `must be at most ${MAX_RULES} rules`)
    .optional(),
});
/** What a file is that was cut off while it was written. Nobody means to withdraw all that is allowed with it. */
const NO_RULE = "holds no rule: write at least one [[rule]], or rule = [] if nothing is to be allowed";

type ParsedRule = z.infer<typeof rule>;

/**
 * Reads the text of a permissions file. @throws Error with one line that names the line, the key and the cure, to be read
 * after the file's name
 */
export function parsePermissions(text: string): Rule[] {
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) throw new Error(`must be at most ${MAX_FILE_BYTES / 1024 ** 2} MiB`);
  const parsed = file.safeParse(readToml(text));
  const lines = new FileLines(text);
  if (!parsed.success) {
    const { issues } = parsed.error;
    // A misspelt key is also one that is missing: the spelling is what helps.
    throw new Error(told(issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0], lines));
  }
  const { rule: rules } = parsed.data;
  if (rules === undefined) throw new Error(NO_RULE);
  for (const [index, each] of rules.entries()) expectComplete(each, index, lines);
  const all = rules.map(ruleOf);
  if (globCount(all) > MAX_GLOBS) throw new Error(`must hold at most ${MAX_GLOBS} patterns`);
  return all;
}

/** @throws Error with one line that says where the text is not TOML, without a piece of it */
export function readToml(text: string): unknown {
  try {
    return parse(text, { maxDepth: MAX_DEPTH, unsafeKeyBehaviour: "throw" });
  } catch (error) {
    // The library adds a piece of the file to its text.
    const [first = ""] = errorText(error).split("\n");
    const problem = first.replace(/^Invalid TOML document: /, "");
    if (error instanceof TomlError) throw new Error(`line ${error.line}, column ${error.column}: ${problem}`);
    throw new Error(problem);
  }
}

type Issue = z.core.$ZodIssue | undefined;

function told(issue: Issue, lines: FileLines): string {
  if (issue?.code === "unrecognized_keys") return unknownKey(issue.keys[0] ?? "", issue.path, lines);
  const inUnion = issue?.code === "invalid_union" ? issue.errors.flat().at(-1) : undefined;
  const message = inUnion?.code === "custom" ? inUnion.message : (issue?.message ?? "is not valid");
  return `${placeOf(issue?.path ?? [], lines)} ${message}`;
}

function unknownKey(key: string, path: readonly PropertyKey[], lines: FileLines): string {
  const known = path.at(-1) === "limits" ? LIMIT_NAMES : path.length === 0 ? ["rule"] : RULE_KEYS;
  return `${placeOf([...path, key], lines)} is not known${didYouMean(key, known)}`;
}

/** "line 7: rule 2: limits.calls-per-second", from the path to a value. */
function placeOf(path: readonly PropertyKey[], lines: FileLines): string {
  const [top, index, ...rest] = path;
  if (top === undefined) return "the file";
  if (top !== "rule" || typeof index !== "number") return `line ${lines.ofTop(String(top))}: ${String(top)}`;
  const keys = rest.filter((key) => typeof key === "string");
  const line = lines.ofRule(index, keys);
  const element = rest.find((key) => typeof key === "number");
  const name = keys.join(".") + (element === undefined ? "" : `[${element}]`);
  return `line ${line}: rule ${index + 1}${name === "" ? "" : `: ${name}`}`;
}

/** What has no effect, or can't be meant, is told rather than taken. */
function expectComplete(parsed: ParsedRule, index: number, lines: FileLines): void {
  const place = `line ${lines.ofRule(index, [])}: rule ${index + 1}:`;
  const allowed = new Set(parsed.allow);
  const verb = VERBS.find((each) => allowed.has(each));
  if (verb !== undefined && parsed.frameworks === undefined) {
    throw new Error(`${place} frameworks is required with '${verb}': use ["*"] for all`);
  }
  const acting = allowed.has("attach") ? "attach" : allowed.has("call") ? "call" : undefined;
  for (const key of ["roles", "users"] as const) {
    if (acting === undefined || parsed[key] !== undefined) continue;
    throw new Error(`${place} ${key} is required with '${acting}': use ["*"] for all, and [] for none`);
  }
}

function ruleOf(parsed: ParsedRule): Rule {
  const { identities, allow, frameworks = [], roles = [], users = [], principals = [], limits = {} } = parsed;
  return { identities, allow: new Set(allow), frameworks, roles, users, principals, limits };
}

function globCount(rules: readonly Rule[]): number {
  let sum = 0;
  for (const { identities, frameworks, roles, users, principals } of rules) {
    sum += identities.length + frameworks.length + roles.length + users.length + principals.length;
  }
  return sum;
}

function readGlob(text: string, context: z.RefinementCtx): Glob {
  try {
    return parseGlob(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: `'${text}' ${errorText(error)}` });
    return z.NEVER;
  }
}

function readIdentity(text: string, context: z.RefinementCtx): Glob {
  if (text === "*" || IDENTITY_KINDS.some((kind) => text.startsWith(kind))) return readGlob(text, context);
  const kinds = IDENTITY_KINDS.map((kind) => `${kind}...`).join(", ");
  context.addIssue({ code: "custom", message: `'${text}' names no kind of identity: use ${kinds}, or * for all` });
  return z.NEVER;
}

function readAllowed(text: string, context: z.RefinementCtx): (typeof ALLOWED)[number] {
  const known = ALLOWED.find((each) => each === text);
  if (known !== undefined) return known;
  context.addIssue({ code: "custom", message: `'${text}' can't be allowed${didYouMean(text, ALLOWED)}` });
  return z.NEVER;
}

function readSize(text: string, context: z.RefinementCtx): number {
  const [, digits, unit] = /^([1-9]\d{0,5})(KiB|MiB|GiB)$/.exec(text) ?? [];
  const factor = SIZE_UNITS[unit ?? ""];
  if (digits !== undefined && factor !== undefined) return Number(digits) * factor;
  context.addIssue({ code: "custom", message: `'${text}' is not a size: use 512KiB, 8MiB or 1GiB` });
  return z.NEVER;
}
