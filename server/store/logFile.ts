import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errorText } from "../../wire/errorText.js";
import type { EntryWriter } from "./entryWriter.js";
import { scratchOf } from "./fileNames.js";
import { encodeHead, encodeSynced, FIXED_BYTES, HEAD_BYTES, readLog, SYNCED_AT } from "./logFormat.js";
import { WriteWatch } from "./writeWatch.js";

const COPY_BYTES = 1024 * 1024;

/**
 * What is in the file is not known any more. After an error of fsync the system may take pages for written that are
 * not, so a second fsync proves nothing: the file has to be replaced by a new one.
 */
export class FileUnreliableError extends Error {
  override readonly name = "FileUnreliableError";
}

export type Place = "here" | "gone" | "replaced";

/** A log file that is being written. One call at a time. */
export class LogFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #salt: number;
  readonly #inode: number;
  readonly #device: number;
  #base = HEAD_BYTES;
  #end = HEAD_BYTES;
  /** What stands at the file's beginning, once it has its name. */
  #head: Buffer = Buffer.alloc(0);
  readonly #watch: WriteWatch;

  private constructor(path: string, handle: FileHandle, salt: number, stats: Stats) {
    this.path = path;
    this.#handle = handle;
    this.#salt = salt;
    this.#inode = stats.ino;
    this.#device = stats.dev;
    this.#watch = new WriteWatch(stats);
  }

  /** A new file under a name of its own, for its owner alone. `publish` gives it the name `path`. */
  static async create(path: string, salt = randomBytes(4).readUInt32LE()): Promise<LogFile> {
    const handle = await open(scratchOf(path), "w+", 0o600);
    try {
      // The mode at creation is less what the umask takes away, and a file that was there keeps its own.
      await handle.chmod(0o600);
      return new LogFile(path, handle, salt, await handle.stat());
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Where the last whole frame ends. */
  get end(): number {
    return this.#end;
  }

  /** True when the file holds much that is out of date, and is worth writing anew. */
  isWorthCompacting(atLeast: number): boolean {
    return this.#end > 2 * this.#base + atLeast;
  }

  /** An empty file with which frames can be shared. */
  sibling(): Promise<LogFile> {
    return LogFile.create(this.path, this.#salt);
  }

  /** Adds a frame that `publish` is to bring to the disk. */
  async add(entries: EntryWriter): Promise<void> {
    await this.#write(entries.frame(this.#salt));
  }

  /** Adds all frames of a sibling from `from` on. @throws FileUnreliableError if that is not what was written there */
  async addFrames(source: LogFile, from: number): Promise<void> {
    await source.place();
    await source.checkContent();
    for (let at = from; at < source.#end; ) {
      const length = Math.min(COPY_BYTES, source.#end - at);
      const bytes = await source.#read(at, length);
      if (bytes.length < length) throw source.#changed("it ends too early");
      await this.#write(bytes);
      at += length;
    }
  }

  /** Brings to the disk what has been added. */
  sync(): Promise<void> {
    return this.#handle.sync();
  }

  /** Completes the file, brings it to the disk and gives it its name. @throws FileUnreliableError if it may have the name */
  async publish(): Promise<void> {
    const head = encodeHead({ salt: this.#salt, base: this.#end, synced: this.#end });
    await this.#handle.write(head, 0, head.length, 0);
    await this.#handle.sync();
    await rename(scratchOf(this.path), this.path);
    this.#base = this.#end;
    this.#head = head.subarray(0, FIXED_BYTES);
    this.#watch.write();
    try {
      await syncDirectory(dirname(this.path));
    } catch (error) {
      throw new FileUnreliableError(errorText(error), { cause: error });
    }
  }

  /**
   * Adds a frame and brings it to the disk. If there is no room, nothing of it is left.
   *
   * @throws FileUnreliableError, or what the system says
   */
  async commit(entries: EntryWriter): Promise<void> {
    this.#compare(await this.#handle.stat());
    await this.append(entries);
    await this.syncAppended();
  }

  /**
   * Adds a frame that outlives this process, and not yet the machine: `syncAppended` or the next `commit` bring it to the
   * disk. If there is no room, nothing of it is left.
   *
   * @throws FileUnreliableError, or what the system says
   */
  async append(entries: EntryWriter): Promise<void> {
    const good = this.#end;
    try {
      await this.#write(entries.frame(this.#salt));
    } catch (error) {
      this.#end = good;
      await this.#cut(good);
      throw error;
    }
  }

  /** Brings what was appended to the disk. @throws FileUnreliableError */
  async syncAppended(): Promise<void> {
    try {
      await this.#handle.datasync();
    } catch (error) {
      throw new FileUnreliableError(errorText(error), { cause: error });
    }
  }

  /** Notes in the file how much of it is on the disk. Nothing depends on it but how sure a later damage is to be found. */
  async noteSynced(): Promise<void> {
    const note = encodeSynced(this.#end);
    this.#watch.write();
    try {
      await this.#handle.write(note, 0, note.length, SYNCED_AT);
      this.#watch.note(await this.#handle.stat());
    } catch {
      // The next commit has the same trouble, and reports it.
    }
  }

  /**
   * Is what lies under the file's name this file?
   *
   * @throws FileUnreliableError if its size is not what was written, or its head, where somebody else may have written to it
   */
  async place(): Promise<Place> {
    const there = await stat(this.path).catch(goneIsUndefined);
    if (!there) return "gone";
    if (there.ino !== this.#inode || there.dev !== this.#device) return "replaced";
    this.#compare(there);
    if (this.#watch.isSuspect) await this.#checkHead();
    return "here";
  }

  /**
   * Reads the head, and all of it where somebody else may have written to it.
   *
   * @throws FileUnreliableError if it is not what was written
   */
  async checkContent(): Promise<void> {
    await this.#checkHead();
    if (this.#watch.isSuspect) await this.readAgain();
  }

  /** Reads all of it. @throws FileUnreliableError if it is not what was written */
  async readAgain(): Promise<void> {
    const bytes = await this.#read(0, this.#end);
    try {
      const { end } = readLog(bytes, this.path, () => {});
      if (end === this.#end) return this.#watch.trust();
    } catch {
      // What is wrong with it does not matter: all of it is to be written anew.
    }
    throw this.#changed("its content is not what was written");
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** Closes a file that was not published, and removes it. */
  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(scratchOf(this.path), { force: true });
  }

  /** @throws FileUnreliableError */
  #compare(stats: Stats): void {
    if (stats.size !== this.#end) throw this.#changed(`it has ${stats.size} bytes, and ${this.#end} were written`);
    this.#watch.note(stats);
  }

  /** @throws FileUnreliableError */
  async #checkHead(): Promise<void> {
    const head = await this.#read(0, this.#head.length);
    if (!head.equals(this.#head)) throw this.#changed("its head is not what was written");
  }

  #changed(how: string): FileUnreliableError {
    return new FileUnreliableError(`${this.path} was changed by another process: ${how}`);
  }

  /** Fewer bytes than asked for if the file ends before. */
  async #read(from: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    let at = 0;
    while (at < length) {
      const { bytesRead } = await this.#handle.read(bytes, at, length - at, from + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return bytes.subarray(0, at);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#watch.write();
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, this.#end);
      at += bytesWritten;
      this.#end += bytesWritten;
    }
  }

  async #cut(good: number): Promise<void> {
    this.#watch.write();
    try {
      await this.#handle.truncate(good);
    } catch (error) {
      throw new FileUnreliableError(errorText(error), { cause: error });
    }
  }
}

/** Brings names that were made or changed in a directory to the disk. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } catch (error) {
    // Not every file system knows what that is.
    if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
  } finally {
    await directory.close();
  }
}

function goneIsUndefined(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
  throw error;
}
