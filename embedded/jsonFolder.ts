import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A folder of JSON documents, each written completely or not at all, even if the process is killed during the write. */
export class JsonFolder {
  readonly #path: string;

  /** @throws the system's error when the folder can't be made */
  constructor(path: string) {
    this.#path = path;
    mkdirSync(path, { recursive: true });
  }

  write(name: string, document: unknown): void {
    const file = join(this.#path, `${name}.json`);
    writeFileSync(`${file}.new`, JSON.stringify(document));
    renameSync(`${file}.new`, file);
  }

  remove(name: string): void {
    rmSync(join(this.#path, `${name}.json`), { force: true });
  }

  /** @throws Error that names the file when it holds no JSON */
  read(name: string): unknown {
    const file = join(this.#path, `${name}.json`);
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`${file} can't be read: remove the work directory, or start without --keep`);
    }
  }

  names(): string[] {
    return readdirSync(this.#path).flatMap((name) => (name.endsWith(".json") ? [name.slice(0, -5)] : []));
  }
}

interface Fns<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** A message within a document: base64 of its protobuf, so that nothing of it is lost. */
export type Bytes = string;

export function bytes<T>(fns: Fns<T>, value: T): Bytes {
  return Buffer.from(fns.encode(value).finish()).toString("base64");
}

export function message<T>(fns: Fns<T>, value: Bytes): T {
  return fns.decode(Buffer.from(value, "base64"));
}
