/**
 * A pattern in which `*` stands for any characters, also none, and everything else for itself. A backslash takes the
 * meaning from what follows it: Mesos's default role, which is named `*`, is `\*`.
 */
export interface Glob {
  readonly text: string;
  /** True if it matches every text. */
  readonly any: boolean;
  /** Each piece is looked for once, from left to right: a text is never read again. */
  matches(text: string): boolean;
}

/** @throws Error that says what is wrong with the pattern, to be read after its name */
export function parseGlob(text: string): Glob {
  if (text === "") throw new Error("must not be empty");
  const pieces = piecesOf(text);
  const [prefix = "", ...rest] = pieces;
  const suffix = rest.pop();
  if (suffix === undefined) return { text, any: false, matches: (candidate) => candidate === prefix };
  const between = rest.filter((piece) => piece !== "");
  const any = prefix === "" && suffix === "" && between.length === 0;
  return { text, any, matches: any ? () => true : (candidate) => fits(candidate, prefix, between, suffix) };
}

/** What stands between the stars. */
function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  let piece = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (char === "*") {
      pieces.push(piece);
      piece = "";
    } else if (char === "\\") {
      const escaped = text[++at];
      if (escaped !== "*" && escaped !== "\\") throw new Error("must have * or \\ after a backslash");
      piece += escaped;
    } else piece += char;
  }
  pieces.push(piece);
  return pieces;
}

function fits(text: string, prefix: string, between: readonly string[], suffix: string): boolean {
  const end = text.length - suffix.length;
  if (end < prefix.length || !text.startsWith(prefix) || !text.endsWith(suffix)) return false;
  let at = prefix.length;
  // The leftmost place of a piece leaves most room for the others, so that no other place has to be tried.
  for (const piece of between) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
    if (at > end) return false;
  }
  return true;
}

/** Answers that are kept: the same few names are asked for again and again. */
const MAX_REMEMBERED = 256;
/** Mesos takes no longer role, Linux no longer user. */
const MAX_REMEMBERED_LENGTH = 255;

/** Several patterns, of which one has to match. */
export class GlobSet {
  /** True if one of them matches every text. */
  readonly any: boolean;
  readonly #globs: readonly Glob[];
  readonly #remembered = new Map<string, boolean>();

  constructor(globs: readonly Glob[]) {
    this.#globs = globs;
    this.any = globs.some((glob) => glob.any);
  }

  matches(text: string): boolean {
    if (this.any) return true;
    const known = this.#remembered.get(text);
    if (known !== undefined) return known;
    const answer = this.#globs.some((glob) => glob.matches(text));
    if (text.length > MAX_REMEMBERED_LENGTH) return answer;
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(text, answer);
    return answer;
  }
}
