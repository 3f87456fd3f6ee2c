import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { isatty } from "node:tty";

const STDERR = 2;
/** How much may wait for the reader. A line that does not fit is dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Written at a time while more than a line waits. */
const PIECE_BYTES = 64 * 1024;
/** When to retry a reader that accepts nothing: soon at first, since most have caught up by then. */
const RETRY_MS = 10;
const SLOW_RETRY_MS = 100;
const SOON_RETRIES = 50;
/** How long the end waits for a reader that accepts nothing, and for one that is slow. */
const END_STALLED_MS = 1_000;
const END_MS = 5_000;

interface Waiting {
  bytes: Buffer;
  /** How many lines are lost with it; a notice counts for the lines that it reports. */
  readonly lines: number;
}

/**
 * Writes log lines to stderr, in order, and never waits for their reader. A stalled reader costs at most 1 MiB, a reader
 * that went away costs nothing, and neither blocks the process or its exit. Lines that are not accepted are dropped and
 * counted. Once the reader accepts lines again, an extra line says how many are missing.
 *
 * Pipes and sockets are written with O_NONBLOCK, by writes that return at once. The asynchronous writes of the file
 * system module do not work here: they block a thread of the pool, and the process's exit then waits for it.
 */
export class LogOutput {
  readonly #fd = openForWriting();
  readonly #notice: (lines: number) => string;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  /** Only a part of the last line was written, and the rest dropped. */
  #cut = false;
  /** Counts writes that wrote something. */
  #taken = 0;
  #retries = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param notice makes the line that says how many lines were dropped */
  constructor(notice: (lines: number) => string) {
    this.#notice = notice;
  }

  /** Writes or drops one line, which must end with a newline. */
  write(line: string): void {
    if (this.#waiting.length > 0) {
      // After a gap, nothing is kept until the gap has been reported.
      if (this.#dropped > 0 || this.#waitingBytes + line.length > MAX_WAITING_BYTES) this.#dropped++;
      else this.#add(line, 1);
      return;
    }
    this.#tellOfGap();
    this.#add(line, 1);
    this.flush();
  }

  /** Writes as much as the reader accepts at once. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.length > 0) {
      if (!this.#writePiece()) return;
      if (this.#waiting.length === 0) this.#tellOfGap();
    }
  }

  /** Gives an active reader time to read everything, and a stalled one a second. */
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

  /** The reader is gone, or the disk is full: drops everything that waits; the next line tries again. */
  #dropAll(): void {
    for (const { lines } of this.#waiting) this.#dropped += lines;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}

/** A descriptor of stderr on which a write never waits for a reader. */
function openForWriting(): number {
  if (isatty(STDERR)) return openTerminal();
  const stat = fstatSync(STDERR);
  // Node makes a pipe or socket non-blocking when it creates this stream. Other writes to it, such as Node's warnings,
  // then do not wait either, and their failure must not end the process.
  if (stat.isFIFO() || stat.isSocket()) process.stderr.on("error", () => {});
  return STDERR;
}

/** Opens the terminal again, since it is shared with the shell. A stopped terminal then does not stop the process. */
function openTerminal(): number {
  try {
    return openSync(`/proc/self/fd/${STDERR}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return STDERR;
  }
}

/** Writes a line to stdout, if anyone reads it. */
export function writeToStdout(line: string): void {
  process.stdout.on("error", () => {});
  try {
    process.stdout.write(line);
  } catch {
    // A full disk. The program that started this one notices it; the log is elsewhere.
  }
}
