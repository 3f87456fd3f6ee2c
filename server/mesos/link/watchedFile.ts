import { readFile, stat } from "node:fs/promises";
import type { Clock, Planned } from "../../../wire/clock.js";
import { errorText } from "../../../wire/errorText.js";

type Listener = (value: string) => void;

const LOOK_MS = 500;
const MAX_BYTES = 64 * 1024;
/** A file that was written so recently may be written again without a change to its size or time. */
const SETTLED_AFTER_MS = 2_000;

/** What is made of the one line of a small text file, which is read again when its time, size or inode changed. */
export class WatchedFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #valueFrom: (line: string) => string;
  readonly #listeners = new Set<Listener>();
  /** Of the file that `#value` was read from; empty if it has to be read again in any case. */
  #stamp = "";
  #value: string | undefined;
  /** It could not be read when it was looked at last. */
  #failed = false;
  #timer: Planned | undefined;
  /** Ends with the look that is under way. Looks follow each other, so that an older one does not overwrite a newer. */
  #looking: Promise<void> = Promise.resolve();
  /** A look that has not begun: it will see all that has happened by now. */
  #next: Promise<string> | undefined;

  /** @param valueFrom may throw an Error whose message says what is wrong with the line, without the line */
  constructor(path: string, valueFrom: (line: string) => string, clock: Clock) {
    this.#clock = clock;
    this.#path = path;
    this.#valueFrom = valueFrom;
  }

  /**
   * Looks at the file every now and then, for as long as somebody listens, and calls `listener` when its value
   * is another one, or can be read again after it could not. Returns what ends that.
   */
  onChanged(listener: Listener): () => void {
    this.#listeners.add(listener);
    this.#timer ??= this.#clock.every(LOOK_MS, () => {
      this.value().catch(() => {});
    });
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#timer?.cancel();
      this.#timer = undefined;
    };
  }

  /** What the file holds now. @throws Error that says what is wrong with the file, without its text */
  value(): Promise<string> {
    if (this.#next) return this.#next;
    const next = this.#looking.then(() => {
      this.#next = undefined;
      return this.#look();
    });
    this.#next = next;
    this.#looking = next.then(
      () => {},
      () => {},
    );
    return next;
  }

  async #look(): Promise<string> {
    const before = this.#value;
    const failed = this.#failed;
    this.#failed = true;
    const value = await this.#read();
    this.#failed = false;
    const changed = before !== undefined && value !== before;
    if (changed || failed) for (const listener of [...this.#listeners]) listener(value);
    return value;
  }

  async #read(): Promise<string> {
    const { mtimeNs, mtimeMs, size, ino } = await stat(this.#path, { bigint: true });
    const stamp = `${mtimeNs} ${size} ${ino}`;
    if (stamp === this.#stamp && this.#value !== undefined) return this.#value;
    this.#stamp = "";
    if (size > MAX_BYTES) throw new Error(`${this.#path} holds more than ${MAX_BYTES} bytes`);
    this.#value = this.#made(await readFile(this.#path, "utf8"));
    if (this.#clock.wallTime() - Number(mtimeMs) >= SETTLED_AFTER_MS) this.#stamp = stamp;
    return this.#value;
  }

  #made(content: string): string {
    try {
      return this.#valueFrom(oneLine(content));
    } catch (error) {
      throw new Error(`${this.#path} ${errorText(error)}`);
    }
  }
}

function oneLine(content: string): string {
  const line = content.trim();
  if (line === "") throw new Error("is empty");
  if (/[\r\n]/.test(line)) throw new Error("holds more than one line");
  return line;
}
