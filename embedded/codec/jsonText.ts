/** A JSON parser that keeps numbers as written: nanoseconds exceed what a double holds. */

export class JsonNumber {
  constructor(readonly text: string) {}
}
export type JsonObject = Map<string, JsonValue>;
export type JsonValue = string | boolean | null | JsonNumber | JsonValue[] | JsonObject;

/** The text is not one JSON value. The message is worded as Mesos's. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
}

const MAX_DEPTH = 200;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERAL = /true|false|null/y;
const WHITESPACE = /[ \t\r\n]*/y;

/** @throws JsonSyntaxError */
export function parseJson(text: string): JsonValue {
  const parser = new Parser(text);
  const value = parser.value(0);
  const rest = parser.rest();
  if (rest.trim() !== "") {
    throw new JsonSyntaxError(`Parsed JSON included non-whitespace trailing characters: ${rest}`);
  }
  return value;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  rest(): string {
    return this.#text.slice(this.#at);
  }

  value(depth: number): JsonValue {
    this.#space();
    const char = this.#text[this.#at];
    if (depth > MAX_DEPTH) this.#fail();
    if (char === "{") return this.#object(depth);
    if (char === "[") return this.#array(depth);
    if (char === '"') return this.#string();
    const literal = this.#match(LITERAL);
    if (literal !== undefined) return literal === "null" ? null : literal === "true";
    const number = this.#match(NUMBER);
    if (number === undefined) this.#fail();
    return new JsonNumber(number);
  }

  #object(depth: number): JsonObject {
    const object: JsonObject = new Map();
    this.#at++;
    if (this.#take("}")) return object;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#fail();
      const key = this.#string();
      if (!this.#take(":")) this.#fail();
      object.set(key, this.value(depth + 1));
    } while (this.#take(","));
    if (!this.#take("}")) this.#fail();
    return object;
  }

  #array(depth: number): JsonValue[] {
    const array: JsonValue[] = [];
    this.#at++;
    if (this.#take("]")) return array;
    do {
      array.push(this.value(depth + 1));
    } while (this.#take(","));
    if (!this.#take("]")) this.#fail();
    return array;
  }

  #string(): string {
    let out = "";
    let from = ++this.#at;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char < " ") this.#fail();
      if (char === '"') return out + this.#text.slice(from, this.#at++);
      if (char === "\\") {
        out += this.#text.slice(from, this.#at) + this.#escape();
        from = this.#at;
      } else this.#at++;
    }
  }

  #escape(): string {
    const char = this.#text[this.#at + 1] ?? "";
    if (char === "u") {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail();
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const plain = ESCAPES[char];
    if (plain === undefined) this.#fail();
    this.#at += 2;
    return plain;
  }

  #take(char: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    this.#match(WHITESPACE);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #fail(): never {
    const line = this.#text.slice(0, this.#at).split("\n").length;
    const near = this.#text.slice(this.#at).split("\n", 1)[0] ?? "";
    throw new JsonSyntaxError(`syntax error at line ${line} near: ${near}`);
  }
}
