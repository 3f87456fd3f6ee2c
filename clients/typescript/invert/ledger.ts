import { existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UsageError } from "../library/program.js";
import { AppendFile } from "./appendFile.js";
import { reason } from "./fileReason.js";
import { ImageRecord } from "./image.js";
import { unwritable } from "./unwritable.js";

/** The ledger's name in the output folder. */
export const LEDGER_FILE = ".invert-ledger.jsonl";

/** What belongs to the batch as a whole. */
const RunRecord = z.object({
  version: z.literal(1),
  frameworkName: z.string(),
  /** Where the agents find the inputs; the next process has to be there too. */
  bindHost: z.string(),
  port: z.int(),
  advertisedHost: z.string(),
  archiveToken: z.string(),
  /** True from before the framework may exist until it was torn down. */
  frameworkOpen: z.boolean(),
});
export type RunRecord = z.infer<typeof RunRecord>;

/** The executor of an agent: a second task can only use it with the same bytes. */
const ExecutorRecord = z.object({
  agentId: z.string(),
  executorId: z.string(),
  /** The serialized ExecutorInfo, in base64. */
  info: z.string(),
});
export type ExecutorRecord = z.infer<typeof ExecutorRecord>;

const Line = z.union([
  z.strictObject({ run: RunRecord }),
  z.strictObject({ image: ImageRecord }),
  z.strictObject({ executor: ExecutorRecord }),
  z.strictObject({ executorGone: z.string() }),
]);
type Line = z.infer<typeof Line>;

/**
 * What the program knows, durably: a file of JSON lines in the output folder. Each line is the whole record
 * as it is from then on. What was saved is on disk once `stored` resolves; so whatever is done because of it waits for
 * that. A line that a crash cut short is as if never written.
 */
export class Ledger {
  readonly #path: string;
  readonly #images = new Map<string, ImageRecord>();
  readonly #executors = new Map<string, ExecutorRecord>();
  #run: RunRecord | undefined;
  #file: AppendFile | undefined;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Opens the folder's ledger, or begins one.
   *
   * @throws UsageError when there is one that can't be read
   * @throws ProgramError when it can't be written
   */
  static open(folder: string): Ledger {
    const ledger = new Ledger(join(folder, LEDGER_FILE));
    if (existsSync(ledger.#path)) ledger.#load(ledger.#read());
    try {
      ledger.#rewrite();
    } catch (error) {
      throw unwritable(ledger.#path, error);
    }
    return ledger;
  }

  /** Undefined in a ledger that has just begun. */
  get run(): RunRecord | undefined {
    return this.#run;
  }

  /** The images by key. */
  get images(): ReadonlyMap<string, ImageRecord> {
    return this.#images;
  }

  /** The executors by agent. */
  get executors(): ReadonlyMap<string, ExecutorRecord> {
    return this.#executors;
  }

  saveRun(run: RunRecord): void {
    this.#save([{ run }]);
  }

  /** Saves images as they are now, all with one write. */
  saveImages(images: readonly ImageRecord[]): void {
    this.#save(images.map((image) => ({ image })));
  }

  saveExecutor(executor: ExecutorRecord): void {
    this.#save([{ executor }]);
  }

  forgetExecutor(agentId: string): void {
    if (this.#executors.has(agentId)) this.#save([{ executorGone: agentId }]);
  }

  /** Resolves when all that was saved is on the disk. Rejects with a ProgramError when it can't be written; from then on `save…` throws. */
  async stored(): Promise<void> {
    await this.#file?.stored();
  }

  /** Writes what was saved, and closes the file. Rejects with a ProgramError when it can't be written. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  #save(lines: readonly Line[]): void {
    if (lines.length === 0 || this.#file === undefined) return;
    for (const line of lines) this.#apply(line);
    this.#file.append(textOf(lines));
  }

  #apply(line: Line): void {
    if ("run" in line) this.#run = line.run;
    else if ("image" in line) this.#images.set(line.image.key, line.image);
    else if ("executor" in line) this.#executors.set(line.executor.agentId, line.executor);
    else this.#executors.delete(line.executorGone);
  }

  #read(): string {
    try {
      return readFileSync(this.#path, "utf8");
    } catch (error) {
      throw new UsageError(
        `${this.#path} can't be read: ${reason(error)}. Make it readable, or choose another --output`,
      );
    }
  }

  #load(text: string): void {
    const lines = text.split("\n");
    // What follows the last newline was cut short, or is nothing.
    lines.pop();
    for (const [index, line] of lines.entries()) {
      const parsed = Line.safeParse(parseJson(line));
      if (!parsed.success) {
        throw new UsageError(
          `${this.#path} can't be read at line ${index + 1}: remove it to begin anew, or choose another --output`,
        );
      }
      this.#apply(parsed.data);
    }
  }

  /** Replaces the file by one with the newest records alone, and keeps that open. */
  #rewrite(): void {
    const next = `${this.#path}.new`;
    // Whoever can read it can fetch the inputs and put results.
    const file = openSync(next, "w", 0o600);
    const lines: Line[] = [
      ...(this.#run === undefined ? [] : [{ run: this.#run }]),
      ...[...this.#executors.values()].map((executor) => ({ executor })),
      ...[...this.#images.values()].map((image) => ({ image })),
    ];
    writeAll(file, lines);
    fsyncSync(file);
    renameSync(next, this.#path);
    this.#file = new AppendFile(file, (cause) => unwritable(this.#path, cause));
  }
}

const textOf = (lines: readonly Line[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

function writeAll(file: number, lines: readonly Line[]): void {
  const bytes = Buffer.from(textOf(lines));
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
