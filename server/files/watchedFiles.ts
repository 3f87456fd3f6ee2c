import { readFile, stat } from "node:fs/promises";
import type { Clock, Planned } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";
import type { Log } from "../log.js";

const LOOK_MS = 250;
const MAX_BYTES = 4 * 1024 * 1024;
/** The file's mode lets every user of the machine read it. */
const READ_BY_OTHERS = 0o004;
/** Its group, or every user of the machine. */
const WRITTEN_BY_OTHERS = 0o022;

/** A file that an option names. */
export interface OptionFile {
  /** As it is typed: `--tls-key`. */
  readonly option: string;
  readonly path: string;
  /** True if only the bridge's user should be able to read it. */
  readonly secret?: boolean;
}

export interface WatchedFilesOptions<T> {
  readonly files: readonly OptionFile[];
  /** What the files hold, for the log: `the TLS certificate`. */
  readonly what: string;
  /** Makes a value of the files' contents, in their order. @throws Error that names the option, the file and the cure */
  readonly read: (contents: readonly Buffer[]) => T;
  readonly clock: Clock;
  readonly log: Log;
}

/** All that are followed in this process. */
const followed = new Set<{ lookNow(): Promise<string | undefined> }>();

/**
 * Looks at all files that are followed in this process, without waiting for their turn.
 *
 * @returns why some can't be used: what they held before stays in use. Each reason names the option, the file and the cure
 */
export async function lookAtAllFiles(): Promise<string[]> {
  const reasons = await Promise.all([...followed].map((files) => files.lookNow()));
  return reasons.filter((reason) => reason !== undefined);
}

/**
 * What is made of some files that belong together. They are read again four times a second, and their content is
 * compared: a file may be written in place, renamed over, or reached through a symbolic link that changes. It counts once
 * two looks in a row find the same: a file that is being written is not whole. What can't be used, such as a key that
 * does not belong to the certificate yet, leaves the value as it is and is tried again. That is logged once, if it is
 * still so at the next look.
 */
export class WatchedFiles<T> {
  readonly #options: WatchedFilesOptions<T>;
  readonly #listeners = new Set<(value: T) => void>();
  readonly #timer: Planned;
  #value: T;
  /** What the value was made of. */
  #contents: readonly Buffer[];
  /** What the last look found, if it was something new: it may still be written to. */
  #fresh: readonly Buffer[] | undefined;
  /** Why the files can't be used now, and whether that was logged: files are not all replaced at the same moment. */
  #failure: { readonly reason: string; readonly logged: boolean } | undefined;
  #looking: Promise<void> | undefined;

  private constructor(options: WatchedFilesOptions<T>, contents: readonly Buffer[], value: T) {
    this.#options = options;
    this.#contents = contents;
    this.#value = value;
    this.#timer = options.clock.every(LOOK_MS, () => {
      this.#look().catch((error: unknown) => options.log.error({ err: error }, "looking at files failed"));
    });
    followed.add(this);
  }

  /** Reads the files. @throws Error with one line that names the option, the file and the cure */
  static async open<T>(options: WatchedFilesOptions<T>): Promise<WatchedFiles<T>> {
    const contents = await readAll(options.files);
    const value = options.read(contents);
    await warnOfOthers(options);
    return new WatchedFiles(options, contents, value);
  }

  /** What the files held when they could be used last. */
  get value(): T {
    return this.#value;
  }

  /** Calls back with each new value. Returns what ends that. */
  onChanged(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    followed.delete(this);
    this.#timer.cancel();
    this.#listeners.clear();
  }

  /**
   * Takes the files as they are now: whoever asks knows that they are whole. Gives the reason if they can't be used, which
   * the log then does not say.
   */
  async lookNow(): Promise<string | undefined> {
    // It may have begun before the files were changed.
    await this.#looking;
    await this.#look(true);
    if (this.#failure === undefined) return undefined;
    const { reason } = this.#failure;
    this.#failure = { reason, logged: true };
    return reason;
  }

  /** Not while another look is under way, which may wait for a slow disk. */
  #look(isWhole = false): Promise<void> {
    this.#looking ??= this.#compare(isWhole).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #compare(isWhole: boolean): Promise<void> {
    const { files, read } = this.#options;
    try {
      const contents = await readAll(files);
      const changed = !sameContents(contents, this.#contents);
      const isSettled = isWhole || !changed || (this.#fresh !== undefined && sameContents(contents, this.#fresh));
      this.#fresh = changed ? contents : undefined;
      if (!isSettled || (!changed && this.#failure === undefined)) return;
      await this.#take(contents, changed ? read(contents) : this.#value);
    } catch (error) {
      this.#failed(errorText(error));
    }
  }

  async #take(contents: readonly Buffer[], value: T): Promise<void> {
    const { files, what, log } = this.#options;
    const changed = value !== this.#value;
    if (changed || this.#failure?.logged) {
      log.info({ files: files.map(({ path }) => path) }, `${what} was read again, and is used from now on`);
    }
    this.#contents = contents;
    this.#fresh = undefined;
    this.#value = value;
    this.#failure = undefined;
    if (!changed) return;
    for (const listener of [...this.#listeners]) listener(value);
    await warnOfOthers(this.#options);
  }

  #failed(reason: string): void {
    const { what, log } = this.#options;
    const again = reason === this.#failure?.reason;
    if (again && !this.#failure?.logged) {
      log.warn({ reason }, `${what} can't be used as it is now: the one that was read before stays in use`);
    }
    this.#failure = { reason, logged: again };
  }
}

async function warnOfOthers({ files, log }: Pick<WatchedFilesOptions<unknown>, "files" | "log">): Promise<void> {
  for (const { option, path, secret } of files) {
    const { mode } = await stat(path);
    if (secret === true && (mode & READ_BY_OTHERS) !== 0) {
      log.warn({ option, path }, `every user of this machine can read ${path}: take that right away with chmod o-rwx`);
    }
    if ((mode & WRITTEN_BY_OTHERS) !== 0) {
      const risk = "and so give themselves what it grants: take that right away with chmod go-w";
      log.warn({ option, path }, `other users of this machine can change ${path}, ${risk}`);
    }
  }
}

async function readAll(files: readonly OptionFile[]): Promise<Buffer[]> {
  return Promise.all(files.map(readOne));
}

async function readOne({ option, path }: OptionFile): Promise<Buffer> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error(found.isDirectory() ? "it is a directory" : "it is not a regular file");
    if (found.size > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
    return await readFile(path);
  } catch (error) {
    throw new Error(`${option}: ${path} can't be read: ${whyUnreadable(error)}`);
  }
}

/** Why a file can't be read, and what to do, in words. */
export function whyUnreadable(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EISDIR") return "it is a directory";
  if (code === "ENOENT") return "there is no such file (ENOENT): check the path";
  if (code === "EACCES") return "this user may not read it (EACCES): let the bridge's user read it";
  return errorText(error);
}

function sameContents(some: readonly Buffer[], others: readonly Buffer[]): boolean {
  return some.every((content, at) => others[at]?.equals(content) === true);
}
