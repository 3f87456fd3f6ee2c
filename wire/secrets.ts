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
  readonly #beginningCharacters: number;
  /** For each character. */
  readonly #characters: readonly RegExp[];
  /** How long it is at most, escaped. */
  readonly #longest: number;

  constructor(secret: string) {
    const patterns = [...secret.replace(/\s+/g, " ").replace(/\\+/g, "\\")].map(patternOf);
    this.#beginningCharacters = patterns.length > LONG_CHARACTERS ? BEGINNING_CHARACTERS : patterns.length;
    this.#beginning = new RegExp(patterns.slice(0, this.#beginningCharacters).join(""), "gi");
    const known = new Map(patterns.map((pattern) => [pattern, new RegExp(pattern, "yi")]));
    this.#characters = patterns.flatMap((pattern) => known.get(pattern) ?? []);
    this.#longest = patterns.reduce((sum, { length }) => sum + (length === 1 ? 1 : MAX_ESCAPED_CHARACTERS), 0);
  }

  spansIn(text: string): Span[] {
    const spans: Span[] = [];
    this.#beginning.lastIndex = 0;
    for (let match = this.#beginning.exec(text); match; match = this.#beginning.exec(text)) {
      const to = this.#matched(text, this.#beginning.lastIndex, this.#beginningCharacters);
      spans.push({ from: match.index, to });
      this.#beginning.lastIndex = to;
    }
    return spans;
  }

  /** Where the text's end begins that may be the beginning of the secret; the text's length if none may. */
  beginsAtEndOf(text: string): number {
    for (let from = Math.max(0, text.length - this.#longest); from < text.length; from++) {
      const to = this.#matched(text, from, 0);
      if (to === text.length || CUT_ESCAPE.test(text.slice(to, to + MAX_ESCAPED_CHARACTERS + 1))) return from;
    }
    return text.length;
  }

  /** How far the secret's characters from the `first` on stand in the text. */
  #matched(text: string, from: number, first: number): number {
    let at = from;
    for (let i = first; i < this.#characters.length; i++) {
      const next = this.#characters[i] as RegExp;
      next.lastIndex = at;
      if (!next.test(text)) break;
      at = next.lastIndex;
    }
    return at;
  }
}

/** A character's escaped form that a text ends in. */
const CUT_ESCAPE = /^(?:%[0-9a-f%]*|&[#\w]*|\\+(?:u[0-9a-f]*)?|\ufffd)$/i;

const HTML_NAMES: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos" };

/** A pattern for one character as it is, and as it is escaped in JSON, HTML and URLs. Repetitions in it are bounded. */
function patternOf(char: string): string {
  if (/[A-Za-z0-9]/.test(char)) return char;
  const code = char.codePointAt(0) as number;
  const hex = code.toString(16);
  const json = [...char.split("")].map((unit) => `\\\\{1,8}u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const alternatives = [
    [...Buffer.from(char, "utf8")].map((byte) => `%(?:25)?${byte.toString(16).padStart(2, "0")}`).join(""),
    json.join(""),
    `&#(?:${code}|x0{0,4}${hex});`,
    ...(char in HTML_NAMES ? [`&${HTML_NAMES[char]};`] : []),
    ...(char === " " ? ["\\s{1,16}", "\\+", "&nbsp;"] : []),
    ...(char === "\\" ? ["\\\\{1,8}"] : [`\\\\{0,8}${char.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")}`]),
    // Not as the text's own encoding has it.
    ...(code > 0x7f ? ["\ufffd{1,4}"] : []),
  ];
  return `(?:${alternatives.join("|")})`;
}
