import { close, fdatasync, write } from "node:fs";
import { promisify } from "node:util";

const [closeFile, syncFile, writeFile] = [promisify(close), promisify(fdatasync), promisify(write)];

/**
 * Appends to a file without holding up the process: what comes while a write is under way goes out together with the
 * next one, with one fdatasync for all of it. Once a write has failed nothing more is written.
 */
export class AppendFile {
  readonly #file: number;
  readonly #unwritten: (cause: unknown) => Error;
  /** For the next write. */
  #texts: string[] = [];
  /** The write that waits for the one under way; undefined while there is nothing to write. */
  #next: Promise<void> | undefined;
  /** The write under way, or the last one. It fails when the one before has failed. */
  #current: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;

  /**
   * @param file  a descriptor, open at the end of the file, and closed by `close`
   * @param unwritten  makes the error of a write that fails
   */
  constructor(file: number, unwritten: (cause: unknown) => Error) {
    this.#file = file;
    this.#unwritten = unwritten;
  }

  /**
   * Has a text written. Whether it was, `stored` tells.
   *
   * @throws the error of a write that has failed before
   */
  append(text: string): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#texts.push(text);
    if (this.#next !== undefined) return;
    this.#next = this.#write(this.#current);
    // Those who wait for it are told. Without one nothing depends on it yet, and the next `append` throws.
    this.#next.catch((error: unknown) => {
      this.#failure ??= { error };
    });
  }

  /** Resolves when all that was appended is on the disk; rejects when it can't be written. */
  stored(): Promise<void> {
    return this.#next ?? this.#current;
  }

  /** Writes what was appended, and closes the file. Rejects when something could not be written. */
  async close(): Promise<void> {
    try {
      await this.stored();
    } finally {
      await closeFile(this.#file);
    }
  }

  async #write(before: Promise<void>): Promise<void> {
    await before;
    if (this.#next !== undefined) this.#current = this.#next;
    this.#next = undefined;
    const bytes = Buffer.from(this.#texts.join(""));
    this.#texts = [];
    try {
      for (let at = 0; at < bytes.length; ) at += (await writeFile(this.#file, bytes, at)).bytesWritten;
      await syncFile(this.#file);
    } catch (cause) {
      throw this.#unwritten(cause);
    }
  }
}
