import { RE2JS, RE2JSException, RE2JSSyntaxException } from "re2js";
import { TooManyInstructions } from "./byteProgram.js";
import { compileToBytes } from "./compile.js";
import { flattenedSize } from "./flatten.js";
import { programOf } from "./runes.js";

/** RE2's words for what RE2JS words as Go does. Others are the same in both. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["missing closing )", "missing )"],
  ["missing closing ]", "missing ]"],
  ["invalid nested repetition operator", "bad repetition operator"],
  ["missing argument to repetition operator", "no argument for repetition operator"],
  ["invalid repeat count", "invalid repetition size"],
  ["invalid or unsupported Perl syntax", "invalid perl operator"],
  ["invalid named capture", "invalid named capture group"],
]);
/** What the master allows, and from where on RE2 gives up before that is counted. */
const MAX_PROGRAM_SIZE = 100;
const MAX_COMPILED_SIZE = 290;
const TOO_LARGE = "pattern too large - compile failed";
/** In UTF-16 units; nothing so long is small. */
const MAX_LENGTH = 10_000;
/** One piece of an expression: a quotation, an escape, a class, the start of a group, or any other character. */
const PIECE = /\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\\.|\[:[^\]]*:\]|[^\]\\])*\]?|\(\?P<\w+>|\(\?<|./gs;

/** A regular expression of an offer constraint, as Mesos takes it. @throws Error in Mesos's words */
export function compileRegex(pattern: string): RE2JS {
  const compiled = compile(pattern);
  const size = programSize(compiled);
  if (size === undefined) throw notConstructed(pattern, TOO_LARGE);
  if (size <= MAX_PROGRAM_SIZE) return compiled;
  throw new Error(
    `Regex '${pattern}' is too complex: program size of ${size} is larger than maximum of ${MAX_PROGRAM_SIZE} allowed`,
  );
}

/** As RE2 counts it; undefined where it gives up. */
function programSize(compiled: RE2JS): number | undefined {
  try {
    return flattenedSize(compileToBytes(programOf(compiled), MAX_COMPILED_SIZE));
  } catch (error) {
    if (error instanceof TooManyInstructions) return undefined;
    throw error;
  }
}

function compile(pattern: string): RE2JS {
  if (pattern.length > MAX_LENGTH) throw notConstructed(pattern, TOO_LARGE);
  const error = perlName(pattern) ?? syntaxError(pattern);
  if (error === undefined) return RE2JS.compile(pattern);
  const older = asOfThen(pattern);
  if (error.startsWith("invalid perl operator") || syntaxError(older) !== undefined) {
    throw notConstructed(pattern, error);
  }
  return RE2JS.compile(older);
}

/** The RE2 of that time minds no group name that is there twice, and knows \C, which is any byte. */
function asOfThen(pattern: string): string {
  return pattern.replace(PIECE, (piece) => {
    if (piece.startsWith("(?P<")) return "(";
    return piece === "\\C" ? "(?s:.)" : piece;
  });
}

/** It does not know `(?<name>…)`; what is wrong before that comes first. */
function perlName(pattern: string): string | undefined {
  for (const { 0: piece, index } of pattern.matchAll(PIECE)) {
    if (piece !== "(?<") continue;
    const before = syntaxError(asOfThen(pattern.slice(0, index)));
    return before === undefined || before.startsWith("missing )") ? "invalid perl operator: (?<" : before;
  }
  return undefined;
}

function syntaxError(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    if (!(error instanceof RE2JSSyntaxException)) return error.message;
    const [words, at] = [error.getDescription(), error.getPattern()];
    if (words === "trailing backslash at end of expression") return "trailing \\";
    return `${WORDS.get(words) ?? words}: ${at ?? ""}`;
  }
}

function notConstructed(pattern: string, why: string): Error {
  return new Error(`Failed to construct regex from pattern '${pattern}': ${why}`);
}
