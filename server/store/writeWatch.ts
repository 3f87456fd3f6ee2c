import type { Stats } from "node:fs";

/** Tells, by what the system says of a file, whether somebody else has written to it. */
export class WriteWatch {
  /** When the file was last written, as the system said after the last write of this process. */
  #writtenAtMs: number;
  /** True once this process has written since: then that time says nothing. */
  #hasWritten = true;
  #isSuspect = false;

  constructor({ mtimeMs }: Stats) {
    this.#writtenAtMs = mtimeMs;
  }

  /** True if somebody may have written to the file since `trust`: its time changed, and its size did not. */
  get isSuspect(): boolean {
    return this.#isSuspect;
  }

  /** This process writes. */
  write(): void {
    this.#hasWritten = true;
  }

  /** Takes note of what the system says. */
  note({ mtimeMs }: Stats): void {
    if (!this.#hasWritten && mtimeMs !== this.#writtenAtMs) this.#isSuspect = true;
    this.#writtenAtMs = mtimeMs;
    this.#hasWritten = false;
  }

  /** All of the file has been read, and is as it was written. */
  trust(): void {
    this.#isSuspect = false;
  }
}
