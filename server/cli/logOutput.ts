import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { isatty } from "node:tty";

const STDERR = 2;
/** What may wait for the reader. A line that does not fit is dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Written at a time while more than a line waits. */
const PIECE_BYTES = 64 * 1024;
/** How often a reader that takes nothing is tried again: soon at first, since most have taken it by then. */
const RETRY_MS = 10;
const SLOW_RETRY_MS = 100;
const SOON_RETRIES = 50;
/** How long the end waits for a reader that takes nothing, and for one that takes little. */
const END_STALLED_MS = 1_000;
const END_MS = 5_000;

interface Waiting {
  bytes: Buffer;
  /** Lines that are lost with it; a notice stands for those that it tells of. */
  readonly lines: number;
}

/**
 * Writes log lines to stderr, in their order, and never waits for their reader: a reader that stalls costs at most
 * 1 MiB, one that went away nothing, and neither keeps the process from its work or its end. Lines that are not taken
 * are dropped, and counted; once lines are taken again, one more says how many are missing.
 *
 * A pipe or socket is written with O_NONBLOCK by writes that the system answers at once. The asynchronous writes of the
 * file system module would not do: they block a thread of the pool, for which the process's end then waits.
 */
export class LogOutput {
  readonly #fd = openForWriting();
  readonly #notice: (lines: number) => string;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  /** The last line was written in part only, and the rest dropped. */
  #cut = false;
  /** Counts writes that took something. */
  #taken = 0;
  #retries = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param notice the line that says that so many were dropped */
  constructor(notice: (lines: number) => string) {
    this.#notice = notice;
  }

  /** Writes one line, which ends with a newline; or drops it. */
  write(line: string): void {
    if (this.#waiting.length > 0) {
      // Behind a gap nothing is kept before the gap was told.
      if (this.#dropped > 0 || this.#waitingBytes + line.length > MAX_WAITING_BYTES) this.#dropped++;
      else this.#add(line, 1);
      return;
    }
    this.#tellOfGap();
    this.#add(line, 1);
    this.flush();
  }

  /** Writes what the reader takes at once. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.length > 0) {
      if (!this.#writePiece()) return;
      if (this.#waiting.length === 0) this.#tellOfGap();
    }
  }

  /** Gives a reader that reads the time to take what waits, and one that does not a second. */
  async end(): Promise<void> {
    const began = performance.now();
    let taken = this.#taken;
    let last = began;
    for (this.flush(); this.#waiting.length > 0; this.flush()) {
      const now = performance.now();
      if (taken !== this.#taken) last = now;
      taken = this.#taken;
      if (now - last >= END_STALLED_MS || now - began >= END_MS) break;
      await delay(RETRY_MS);
    }
    clearTimeout(this.#timer);
  }

  #add(text: string, lines: number): void {
    const bytes = Buffer.from(text);
    this.#waiting.push({ bytes, lines });
    this.#waitingBytes += bytes.length;
  }

  #tellOfGap(): void {
    const lines = this.#dropped;
    if (lines === 0) return;
    this.#dropped = 0;
    this.#add(`${this.#cut ? "\n" : ""}${this.#notice(lines)}`, lines);
    this.#cut = false;
  }

  /** False if no more can be written now. */
  #writePiece(): boolean {
    try {
      this.#took(writeSync(this.#fd, this.#piece()));
      this.#retries = 0;
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") this.#tryLater();
      else this.#dropAll();
      return false;
    }
  }

  #piece(): Buffer {
    const [first] = this.#waiting;
    if (this.#waiting.length === 1 || !first || first.bytes.length >= PIECE_BYTES)
      return first?.bytes ?? Buffer.alloc(0);
    let size = 0;
    let count = 0;
    for (const { bytes } of this.#waiting) {
      if (size + bytes.length > PIECE_BYTES) break;
      size += bytes.length;
      count++;
    }
    return Buffer.concat(this.#waiting.slice(0, count).map(({ bytes }) => bytes));
  }

  #took(count: number): void {
    this.#taken++;
    this.#waitingBytes -= count;
    let left = count;
    let whole = 0;
    for (const waiting of this.#waiting) {
      if (waiting.bytes.length > left) {
        waiting.bytes = waiting.bytes.subarray(left);
        break;
      }
      left -= waiting.bytes.length;
      whole++;
    }
    this.#cut = left > 0;
    this.#waiting = this.#waiting.slice(whole);
  }

  #tryLater(): void {
    const ms = this.#retries++ < SOON_RETRIES ? RETRY_MS : SLOW_RETRY_MS;
    this.#timer = setTimeout(() => this.flush(), ms).unref();
  }

  /** The reader is gone, or the disk is full: what waits is not written, and the next line is a try. */
  #dropAll(): void {
    for (const { lines } of this.#waiting) this.#dropped += lines;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}

/** The descriptor of stderr, such that a write to it never waits for a reader. */
function openForWriting(): number {
  if (isatty(STDERR)) return openTerminal();
  const stat = fstatSync(STDERR);
  // Node makes a pipe or socket non-blocking when it makes this stream. What else may write to it, such as a warning of
  // Node's, then does not wait either, and its failure is nothing to end for.
  if (stat.isFIFO() || stat.isSocket()) process.stderr.on("error", () => {});
  return STDERR;
}

/** A terminal is opened anew, since it is shared with the shell. One that is stopped does not stop the process. */
function openTerminal(): number {
  try {
    return openSync(`/proc/self/fd/${STDERR}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return STDERR;
  }
}

/** Writes a line to stdout, if somebody is there to read it. */
export function writeToStdout(line: string): void {
  process.stdout.on("error", () => {});
  try {
    process.stdout.write(line);
  } catch {
    // A full disk, which shows to the program that started this one; the log is elsewhere.
  }
}
