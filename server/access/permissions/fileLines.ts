/** Finds the lines of keys in a TOML file. The parser gives lines only for what it can't read. */
export class FileLines {
  readonly #lines: readonly string[];

  constructor(text: string) {
    // Texts of several lines may hold what looks like a key.
    const plain = text.replace(/"""[\s\S]*?"""|'''[\s\S]*?'''/g, (long) => long.replace(/[^\n]/g, ""));
    this.#lines = plain.split("\n");
  }

  /** The line of a key at the top, or 1. */
  ofTop(key: string): number {
    const line =
      this.#find(0, this.#lines.length, keyPattern(key)) ?? this.#find(0, this.#lines.length, headPattern(key));
    return (line ?? 0) + 1;
  }

  /** The line of a key of the n-th `[[rule]]`, or of one of its tables; without it that of the rule's head. */
  ofRule(index: number, path: readonly string[]): number {
    const start = this.#headOf(index);
    if (start === undefined) return this.ofTop("rule");
    const end = this.#headOf(index + 1) ?? this.#lines.length;
    let line = start;
    let from = start + 1;
    for (const key of path) {
      const found = this.#find(from, end, keyPattern(key)) ?? this.#find(from, end, headPattern(`rule.${key}`));
      if (found === undefined) break;
      line = found;
      from = found;
    }
    return line + 1;
  }

  #headOf(index: number): number | undefined {
    const head = /^\s*\[\[\s*rule\s*\]\]/;
    let from = 0;
    for (let count = 0; ; count++) {
      const found = this.#find(from, this.#lines.length, head);
      if (found === undefined || count === index) return found;
      from = found + 1;
    }
  }

  #find(from: number, end: number, pattern: RegExp): number | undefined {
    for (let at = from; at < end; at++) if (pattern.test(this.#lines[at] ?? "")) return at;
    return undefined;
  }
}

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** `key = ...`, bare or quoted, also as the last of `limits.key` and in an inline table. */
function keyPattern(key: string): RegExp {
  return new RegExp(`^(?:[^#]*[\\s.{,])?["']?${literally(key)}["']?\\s*(?:=|\\.)`);
}

function headPattern(name: string): RegExp {
  return new RegExp(`^\\s*\\[+\\s*${literally(name)}\\s*\\]+`);
}
