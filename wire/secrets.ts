const MASK = "***";
/** Secrets are replaced while texts that hold the former one are on their way. */
const MAX_REMEMBERED = 4;
/** What is shorter is found in too many texts by chance. */
const MIN_CHARACTERS = 4;
/** Of a long secret its beginning is enough: somebody may have cut it short. */
const LONG_CHARACTERS = 16;
const BEGINNING_CHARACTERS = 12;
/** The longest way to write one character of a secret is that of an emoji in a URL in a URL: `%25F0%259F%2594%2591`. */
const MAX_ESCAPED_CHARACTERS = 24;

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Takes secrets out of texts that a peer wrote: it may echo what it was sent. A secret is found as it is, and as it
 * stands in JSON, in HTML and in a URL, in large or small letters; also its beginning, where it is long and was cut short.
 */
export class Secrets {
  /** The newest first. */
  #remembered: { readonly key: string; readonly finders: readonly Finder[] }[] = [];

  /** Has all these texts, the forms of one secret, taken out from now on, and those of the three secrets before. */
  remember(...forms: readonly string[]): void {
    const key = forms.join("\n");
    if (this.#remembered[0]?.key === key) return;
    const finders = forms.filter((form) => form.length >= MIN_CHARACTERS).map((form) => new Finder(form));
    const others = this.#remembered.filter((other) => other.key !== key);
    this.#remembered = [{ key, finders }, ...others].slice(0, MAX_REMEMBERED);
  }

  /**
   * The text without secrets.
   *
   * @param cut the text continues: what may be the beginning of a secret at its end is left out
   */
  redact(text: string, cut = false): string {
    const finders = this.#remembered.flatMap((secret) => secret.finders);
    if (finders.length === 0) return text;
    let end = text.length;
    if (cut) for (const finder of finders) end = Math.min(end, finder.beginsAtEndOf(text));
    const spans = finders.flatMap((finder) => finder.spansIn(text)).sort((a, b) => a.from - b.from);
    let out = "";
    let at = 0;
    for (const { from, to } of spans) {
      if (from > end) break;
      if (from > at || out === "") out += text.slice(at, from) + MASK;
      at = Math.max(at, to);
    }
    return at < end ? out + text.slice(at, end) : out;
  }
}

/** Finds one text, however its characters are escaped. */
class Finder {
  readonly #beginning: RegExp;
  /** For each character the ways to write it: the start of one may be another, as of `%25`. */
  readonly #characters: readonly (readonly RegExp[])[];
  /** How long it is at most, escaped. */
  readonly #longest: number;

  constructor(secret: string) {
    const characters = [...secret.replace(/\s+/g, " ").replace(/\\+/g, "\\")].map(waysToWrite);
    const patterns = characters.map((ways) => (ways.length === 1 ? `${ways[0]}` : `(?:${ways.join("|")})`));
    const enough = patterns.length > LONG_CHARACTERS ? BEGINNING_CHARACTERS : patterns.length;
    this.#beginning = new RegExp(patterns.slice(0, enough).join(""), "gi");
    const known = new Map(characters.map((ways) => [ways.join("|"), ways.map((way) => new RegExp(way, "yi"))]));
    this.#characters = characters.map((ways) => known.get(ways.join("|")) ?? []);
    this.#longest = patterns.reduce((sum, { length }) => sum + (length === 1 ? 1 : MAX_ESCAPED_CHARACTERS), 0);
  }

  spansIn(text: string): Span[] {
    const spans: Span[] = [];
    this.#beginning.lastIndex = 0;
    for (let match = this.#beginning.exec(text); match; match = this.#beginning.exec(text)) {
      let to = this.#beginning.lastIndex;
      this.#follow(text, match.index, (at) => {
        to = Math.max(to, at);
        return false;
      });
      spans.push({ from: match.index, to });
      // The end of one may be the start of the next, as in `%25` of a secret that ends in `%` and begins with `25`.
      this.#beginning.lastIndex = Math.max(match.index + 1, to - MAX_ESCAPED_CHARACTERS);
    }
    return spans;
  }

  /** Where the text's end begins that may be the beginning of the secret; the text's length if none may. */
  beginsAtEndOf(text: string): number {
    const isAtEnd = (at: number) =>
      text.length - at <= MAX_ESCAPED_CHARACTERS && (at === text.length || CUT_ESCAPE.test(text.slice(at)));
    for (let from = Math.max(0, text.length - this.#longest); from < text.length; from++) {
      if (this.#follow(text, from, isAtEnd)) return from;
    }
    return text.length;
  }

  /**
   * Follows the secret's characters through the text, in all ways in which they may be written.
   *
   * @param reached told how far it came, until it says true
   * @returns whether it did
   */
  #follow(text: string, from: number, reached: (at: number) => boolean): boolean {
    let places = new Set([from]);
    for (let i = 0; places.size > 0; i++) {
      const next = new Set<number>();
      for (const at of places) {
        if (reached(at)) return true;
        for (const way of this.#characters[i] ?? []) {
          way.lastIndex = at;
          if (way.test(text)) next.add(way.lastIndex);
        }
      }
      places = next;
    }
    return false;
  }
}

/** A character's escaped form that a text ends in. */
const CUT_ESCAPE = /^(?:%[0-9a-f%]*|&[#\w]*|\\+(?:u[0-9a-f]*)?|\ufffd)$/i;

const HTML_NAMES: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos" };

/**
 * Patterns for one character as it is, and as it is escaped in JSON, HTML and URLs. One for each where the escaped form
 * begins with the character itself, else one for all. Repetitions in them are bounded.
 */
function waysToWrite(char: string): string[] {
  if (/[A-Za-z0-9]/.test(char)) return [char];
  const code = char.codePointAt(0) as number;
  const hex = code.toString(16);
  const json = [...char.split("")].map((unit) => `\\\\{1,8}u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const escaped = [
    [...Buffer.from(char, "utf8")].map((byte) => `%(?:25)?${byte.toString(16).padStart(2, "0")}`).join(""),
    json.join(""),
    `&#(?:${code}|x0{0,4}${hex});`,
    ...(char in HTML_NAMES ? [`&${HTML_NAMES[char]};`] : []),
    ...(char === " " ? ["\\s{1,16}", "\\+", "&nbsp;"] : []),
    // Not as the text's own encoding has it.
    ...(code > 0x7f ? ["\ufffd{1,4}"] : []),
  ];
  const plain = char === "\\" ? "\\\\{1,8}" : `\\\\{0,8}${char.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")}`;
  if (char === "%") return ["%2525", "%25", ...escaped.slice(1), plain];
  if (char === "&" || char === "\\") return [...escaped, plain];
  return [`(?:${[...escaped, plain].join("|")})`];
}
