import { open } from "node:fs/promises";
import type { Clock, Planned } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";

/** A file as it was read. */
export interface FileContent {
  readonly path: string;
  readonly bytes: Buffer;
  /** Its permission bits. */
  readonly mode: number;
}

export interface FollowedFilesListener {
  /** At least one of the files has other bytes, or other permissions. All of them are handed over, in the order of the paths. */
  changed(files: readonly FileContent[]): void;
  /** One of them can't be read any more. Called once, until it can be read again or fails in another way. */
  unreadable(error: Error): void;
}

const LOOK_MS = 500;
/** A file that was written so recently may be written again without a change to its size or time. */
const SETTLED_AFTER_MS = 2_000;

interface Look {
  readonly file: FileContent;
  /** Equal stamps mean equal files; empty while the file may change without one. */
  readonly stamp: string;
}

/**
 * Follows files that belong together, such as a certificate and its key. It looks at them twice a second, by their path:
 * so it sees a file that is written in place, one that is replaced, and a symbolic link that points elsewhere, also in
 * the path, on every file system.
 */
export class FollowedFiles {
  readonly #paths: readonly string[];
  readonly #maxBytes: number;
  readonly #clock: Clock;
  #looks: readonly Look[];
  #problem = "";
  #timer: Planned | undefined;
  #looking = false;

  private constructor(paths: readonly string[], maxBytes: number, clock: Clock, looks: readonly Look[]) {
    this.#paths = paths;
    this.#maxBytes = maxBytes;
    this.#clock = clock;
    this.#looks = looks;
  }

  /** Reads the files. @param maxBytes of each @throws Error that names the file and says why it can't be read */
  static async open(paths: readonly string[], maxBytes: number, clock: Clock): Promise<FollowedFiles> {
    const looks = await Promise.all(paths.map((path) => look(path, maxBytes, clock, undefined)));
    return new FollowedFiles(paths, maxBytes, clock, looks);
  }

  /** As they were read last. */
  get files(): readonly FileContent[] {
    return this.#looks.map(({ file }) => file);
  }

  /** Tells the listener of changes until `close`. The timer keeps no process alive. */
  follow(listener: FollowedFilesListener): void {
    this.#timer ??= this.#clock.every(LOOK_MS, () => {
      this.#look(listener).catch(() => {});
    });
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #look(listener: FollowedFilesListener): Promise<void> {
    // A slow file system is not asked again before it has answered.
    if (this.#looking) return;
    this.#looking = true;
    try {
      const before = this.#looks;
      const looks = await Promise.all(
        this.#paths.map((path, index) => look(path, this.#maxBytes, this.#clock, before[index])),
      );
      if (!this.#timer) return;
      this.#problem = "";
      this.#looks = looks;
      if (looks.some(({ file }, index) => !sameFile(file, before[index]?.file))) listener.changed(this.files);
    } catch (error) {
      if (this.#timer && errorText(error) !== this.#problem) {
        this.#problem = errorText(error);
        listener.unreadable(error instanceof Error ? error : new Error(this.#problem));
      }
    } finally {
      this.#looking = false;
    }
  }
}

function sameFile(file: FileContent, before: FileContent | undefined): boolean {
  return before !== undefined && file.mode === before.mode && file.bytes.equals(before.bytes);
}

/** Size, time and bytes are those of one file, whatever replaces it meanwhile. */
async function look(path: string, maxBytes: number, clock: Clock, before: Look | undefined): Promise<Look> {
  const handle = await open(path, "r").catch((error: unknown) => {
    throw unreadable(path, errorText(error));
  });
  try {
    const { mtimeNs, ctimeNs, mtimeMs, size, ino, dev, mode } = await handle.stat({ bigint: true });
    const stamp = `${mtimeNs} ${ctimeNs} ${size} ${ino} ${dev}`;
    if (stamp === before?.stamp) return before;
    if (size > maxBytes) throw new Error(`it holds more than ${maxBytes} bytes`);
    const bytes = await handle.readFile();
    const settled = clock.wallTime() - Number(mtimeMs) >= SETTLED_AFTER_MS;
    return { file: { path, bytes, mode: Number(mode) & 0o777 }, stamp: settled ? stamp : "" };
  } catch (error) {
    throw unreadable(path, errorText(error));
  } finally {
    await handle.close();
  }
}

function unreadable(path: string, reason: string): Error {
  return new Error(`${path} can't be read: ${reason}`);
}
