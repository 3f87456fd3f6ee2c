import { dirname, resolve } from "node:path";
import { z } from "zod";
import { errorText } from "../../wire/errorText.js";
import { FileLines } from "../access/permissions/fileLines.js";
import { parseGlob } from "../access/permissions/glob.js";
import { readToml } from "../access/permissions/permissionsFile.js";
import { didYouMean } from "../access/permissions/suggestion.js";
import type { PrincipalRule } from "../mesos/link/frameworkPrincipals.js";

/** Where the secret of a principal comes from. */
export type SecretSource = { readonly secret: string } | { readonly file: string };

/** What the file of --framework-principals says. */
export interface ParsedPrincipals {
  readonly rules: readonly PrincipalRule[];
  readonly secrets: ReadonlyMap<string, SecretSource>;
}

const MAX_RULES = 500;
/** All of them may be looked at for each framework when the file changes. */
const MAX_GLOBS = 1_000;
const MAX_TEXT = 512;
const KEYS = ["frameworks", "principal", "secret", "secret-file"] as const;

const NO_RULE = "is missing: write at least one [[rule]]";

const text = (what: string) =>
  z
    .string({ error: (issue) => (issue.input === undefined ? `is required: ${what}` : "must be a text in quotes") })
    .min(1, "must not be empty")
    .max(MAX_TEXT, `must be at most ${MAX_TEXT} characters`);
const line = (what: string) => text(what).regex(/^[^\r\n\0]*$/, "must be one line");

const rule = z
  .strictObject({
    frameworks: z
      .array(text("name frameworks"), { error: 'must be a list of names of frameworks, such as ["team-a-*"]' })
      .min(1, "must name at least one framework"),
    principal: line("name the principal").regex(/^[^:]*$/, "must hold no colon"),
    secret: line("give the secret").optional(),
    "secret-file": line("name a file").optional(),
  })
  .refine((each) => (each.secret === undefined) !== (each["secret-file"] === undefined), {
    message: "must have either secret-file or secret",
  });
const file = z.strictObject({
  rule: z
    .array(rule, { error: (issue) => (issue.input === undefined ? NO_RULE : "must be written as [[rule]]") })
    .min(1, NO_RULE)
    .max(MAX_RULES, `must be at most ${MAX_RULES} rules`),
});

/**
 * Reads the text of the file. @param path files of secrets are meant from its folder on @throws Error with one line that
 * names the line, the key and the cure, and never a secret
 */
export function parsePrincipals(content: string, path: string): ParsedPrincipals {
  const lines = new FileLines(content);
  const parsed = file.safeParse(readToml(content));
  if (!parsed.success) throw new Error(told(parsed.error.issues[0], lines));
  const rules: PrincipalRule[] = [];
  const secrets = new Map<string, SecretSource>();
  let globs = 0;
  for (const [index, each] of parsed.data.rule.entries()) {
    globs += each.frameworks.length;
    if (globs > MAX_GLOBS) throw new Error(`must hold at most ${MAX_GLOBS} patterns`);
    rules.push({ principal: each.principal, matches: matcher(each.frameworks, placeOf(["rule", index], lines)) });
    const source = sourceOf(each, path);
    const known = secrets.get(each.principal);
    if (known && JSON.stringify(known) !== JSON.stringify(source)) {
      const place = placeOf(["rule", index, "principal"], lines);
      throw new Error(`${place} has another secret in a rule before: a principal has one`);
    }
    secrets.set(each.principal, source);
  }
  return { rules, secrets };
}

function matcher(frameworks: readonly string[], place: string): (frameworkName: string) => boolean {
  const globs = frameworks.map((pattern) => {
    try {
      return parseGlob(pattern);
    } catch (error) {
      throw new Error(`${place}: frameworks: '${pattern}' ${errorText(error)}`);
    }
  });
  return (frameworkName) => globs.some((glob) => glob.matches(frameworkName));
}

function sourceOf(each: z.infer<typeof rule>, path: string): SecretSource {
  if (each.secret !== undefined) return { secret: each.secret };
  return { file: resolve(dirname(path), each["secret-file"] ?? "") };
}

function told(issue: z.core.$ZodIssue | undefined, lines: FileLines): string {
  if (issue?.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const known = issue.path.length === 0 ? ["rule"] : KEYS;
    return `${placeOf(issue.path, lines)}: '${key}' is not known${didYouMean(key, known)}`;
  }
  return `${placeOf(issue?.path ?? [], lines)} ${issue?.message ?? "is not valid"}`;
}

/** "line 7: rule 2: principal", from the path to a value. */
function placeOf(path: readonly PropertyKey[], lines: FileLines): string {
  const [top, index, key] = path;
  if (top === undefined) return "the file";
  if (typeof index !== "number") return `line ${lines.ofTop(String(top))}: ${String(top)}`;
  const name = typeof key === "string" ? key : "";
  const at = lines.ofRule(index, name === "" ? [] : [name]);
  return `line ${at}: rule ${index + 1}${name === "" ? "" : `: ${name}`}`;
}
