import { appendFile, open } from "node:fs/promises";
import { type Clock, systemClock } from "../../../wire/clock.js";
import { errorText } from "../../../wire/errorText.js";
import type { Log } from "../../log.js";
import type { AuditOutput } from "./auditLog.js";

/** What may wait for the disk. Lines beyond it are lost, and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/**
 * Appends lines to a file. It is opened anew for each batch, so that it may be moved away at any time. Nothing waits for
 * the disk: what it does not take is lost, which the log says, and later the file itself.
 */
export class AuditFile implements AuditOutput {
  readonly #path: string;
  readonly #log: Log;
  readonly #clock: Clock;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #lost = 0;
  /** The last write failed, and may have left a part of a line. */
  #failed = false;
  #writing: Promise<void> | undefined;

  private constructor(path: string, log: Log, clock: Clock) {
    this.#path = path;
    this.#log = log;
    this.#clock = clock;
  }

  /** @throws Error with one line that names the option, the file and the cause */
  static async open(path: string, log: Log, clock: Clock = systemClock): Promise<AuditFile> {
    try {
      await append(path, "");
    } catch (error) {
      throw new Error(`--audit-log: ${path} can't be written: ${whyUnwritable(error)}`);
    }
    return new AuditFile(path, log, clock);
  }

  write(event: object): void {
    const line = `${JSON.stringify(event)}\n`;
    if (this.#waitingBytes + line.length > MAX_WAITING_BYTES) {
      this.#lost++;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#writing ??= this.#writeAll();
  }

  async end(): Promise<void> {
    await this.#writing;
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    // What is recorded in the same turn shares a write.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#writeBatch();
    this.#writing = undefined;
  }

  async #writeBatch(): Promise<void> {
    const lines = this.#waiting;
    const lost = this.#lost;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const time = new Date(this.#clock.wallTime()).toISOString();
    const notice = lost === 0 ? "" : `${JSON.stringify({ time, event: "lost", lines: lost })}\n`;
    try {
      const lineEnd = this.#failed && (await endsInLine(this.#path)) ? "\n" : "";
      await append(this.#path, `${lineEnd}${notice}${lines.join("")}`);
      this.#lost -= lost;
      if (this.#failed) this.#log.info({ file: this.#path, lost }, "the audit log is written again");
      this.#failed = false;
    } catch (error) {
      this.#lost += lines.length;
      if (!this.#failed) {
        const fields = { file: this.#path, reason: whyUnwritable(error) };
        this.#log.error(fields, "the audit log can't be written: lines are lost until it can");
      }
      this.#failed = true;
    }
  }
}

/** Whether a file ends in the middle of a line. One that may be written and not read counts as such. */
async function endsInLine(path: string): Promise<boolean> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      if (size === 0) return false;
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
      return buffer.toString("latin1") !== "\n";
    } finally {
      await file.close();
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EISDIR: "it is a directory (EISDIR): name a file",
  ENOENT: "its folder does not exist (ENOENT): make it, or check the path",
  EACCES: "this user may not write it (EACCES): let the bridge's user write it",
  ENOTDIR: "a part of its path is not a folder (ENOTDIR): check the path",
  ENOSPC: "the disk is full (ENOSPC)",
  EROFS: "its file system can't be written (EROFS)",
};

function whyUnwritable(error: unknown): string {
  return REASONS[(error as NodeJS.ErrnoException).code ?? ""] ?? errorText(error);
}

const append = (path: string, text: string) => appendFile(path, text, { mode: 0o600 });
