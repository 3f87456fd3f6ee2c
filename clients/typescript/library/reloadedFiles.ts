import { readFileSync, statSync } from "node:fs";
import { errorText } from "../../../wire/errorText.js";
import { UsageError } from "./program.js";

/** What files say, kept up with their changes while a program runs. */
export class ReloadedFiles<T> {
  readonly #paths: readonly string[];
  readonly #parse: (texts: ReadonlyMap<string, string>) => T;
  #texts: ReadonlyMap<string, string>;
  #fault = "";
  /** What they say, or said when they could last be used. */
  value: T;

  /**
   * Reads them.
   *
   * @param parse  makes something of the texts, by path, in the order of the paths; throws UsageError
   * @throws UsageError when one can't be read or used
   */
  constructor(paths: readonly string[], parse: (texts: ReadonlyMap<string, string>) => T) {
    this.#paths = paths;
    this.#parse = parse;
    this.#texts = readAll(paths);
    this.value = parse(this.#texts);
  }

  /** Looks for changes. Gives a line for people about what it found; undefined when that is nothing new. */
  reload(): string | undefined {
    try {
      const texts = readAll(this.#paths);
      this.#fault = "";
      if ([...texts].every(([path, text]) => this.#texts.get(path) === text)) return undefined;
      this.#texts = texts;
      this.value = this.#parse(texts);
      return `${this.#paths.join(", ")}: changed`;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      if (error.message === this.#fault) return undefined;
      this.#fault = error.message;
      return `${error.message}; what runs keeps running`;
    }
  }
}

function readAll(paths: readonly string[]): Map<string, string> {
  return new Map(paths.map((path) => [path, readText(path)]));
}

function readText(path: string): string {
  try {
    // A pipe would never end.
    if (!statSync(path).isFile()) throw new Error("it is not a file");
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`${path} can't be read: ${errorText(error)}`);
  }
}
