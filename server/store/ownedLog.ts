import type { Clock } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";
import type { Log } from "../log.js";
import { Compactor } from "./compactor.js";
import {
  beginMigration,
  holdsFrameworks,
  type Loaded,
  loadFrameworks,
  makeDataDir,
  narrowModes,
  removeOlder,
} from "./dataDir.js";
import { DataDirInUseError, DataDirOwner, type OwnerKind } from "./dataDirOwner.js";
import type { EntryWriter } from "./entryWriter.js";
import { logPath } from "./fileNames.js";
import type { KeptFrameworks } from "./keptFrameworks.js";
import { FileUnreliableError, LogFile } from "./logFile.js";
import { OlderBridgeLookout } from "./olderBridge.js";
import type { StoreTrouble } from "./storeTrouble.js";

/** The data directory is not this process's any more, for good. */
export class TakenOverError extends Error {
  override readonly name = "TakenOverError";
}

/** Logs that are smaller than this are not worth compacting. */
const MIN_COMPACTION_BYTES = 8 * 1024 * 1024;
const RENEWAL_PAUSE_MS = 5_000;

type State =
  | { readonly kind: "open"; readonly file: LogFile }
  /** There is no file that can be trusted: one has to be written from memory before anything else. */
  | {
      readonly kind: "lost";
      readonly notBeforeMs: number;
      /** What was read at the start is still in the files it was read from. */
      readonly isInOlderFiles: boolean;
    }
  | { readonly kind: "takenOver"; readonly error: TakenOverError }
  | { readonly kind: "closed" };

export interface OwnedLogOptions {
  readonly dataDir: string;
  readonly kind: OwnerKind;
  readonly log: Log;
  readonly trouble: StoreTrouble;
  /** Default: 8 MiB. */
  readonly minCompactionBytes: number | undefined;
  readonly clock: Clock;
}

/** The log of a data directory that this process owns. Its methods are called one at a time. */
export class OwnedLog {
  readonly kept: KeptFrameworks;
  readonly #options: OwnedLogOptions;
  readonly #compactor: Compactor;
  readonly #source: Loaded["source"];
  /** Numbers of the logs that are to be removed once all is in another one. */
  readonly #superseded = new Set<number>();
  /** What an older bridge has written was read, and no log holds it yet. */
  #isMigrationDue: boolean;
  readonly #lookout: OlderBridgeLookout;
  #owner: DataDirOwner;
  #state: State = { kind: "lost", notBeforeMs: 0, isInOlderFiles: true };

  private constructor(options: OwnedLogOptions, owner: DataDirOwner, { kept, source }: Loaded) {
    this.#options = options;
    this.#owner = owner;
    this.kept = kept;
    this.#lookout = new OlderBridgeLookout(options.dataDir, options.log);
    this.#source = source;
    if (typeof source === "number") this.#superseded.add(source);
    this.#isMigrationDue = source === "older";
    this.#compactor = new Compactor(kept, options.log, options.minCompactionBytes ?? MIN_COMPACTION_BYTES);
  }

  /** Takes the directory over, reads it, and begins a log of its own. @throws Error with one line for a person */
  static async open(options: OwnedLogOptions): Promise<OwnedLog> {
    const { dataDir, kind, log, clock } = options;
    makeDataDir(dataDir);
    const owner = await DataDirOwner.acquire(dataDir, kind, clock);
    try {
      const loaded = await loadFrameworks(dataDir, log);
      narrowModes(dataDir, log);
      const owned = new OwnedLog(options, owner, loaded);
      await owned.#begin();
      return owned;
    } catch (error) {
      await owner.release();
      throw error;
    }
  }

  /** Where it is kept, for messages. */
  get path(): string {
    return logPath(this.#options.dataDir, this.#owner.number);
  }

  get dataDir(): string {
    return this.#options.dataDir;
  }

  get takenOver(): TakenOverError | undefined {
    return this.#state.kind === "takenOver" ? this.#state.error : undefined;
  }

  /** False for a while after a new file could not be written, which takes more than adding to one; and when all is over. */
  get isWorthTrying(): boolean {
    return (
      this.#state.kind === "open" ||
      (this.#state.kind === "lost" && this.#state.notBeforeMs < this.#options.clock.now())
    );
  }

  /** Brings entries to the disk. @throws Error if that can't be done; then they are not in the log */
  async commit(entries: EntryWriter): Promise<void> {
    if (!(await this.#tryCommit(entries))) await this.#tryCommit(entries, true);
  }

  /** False if the file turned out to be unreliable: it is given up, and another one may do. @throws Error */
  async #tryCommit(entries: EntryWriter, isLast = false): Promise<boolean> {
    const file = await this.#usable();
    try {
      await file.commit(entries);
      await this.#confirm(file);
      return true;
    } catch (error) {
      if (!(error instanceof FileUnreliableError)) throw error;
      await this.#lose(error);
      if (isLast) throw error;
      return false;
    }
  }

  /**
   * Writes entries that would be no harm if the machine lost them, so without waiting for the disk: `syncAppended` does.
   *
   * @throws Error if that can't be done; then they are not in the log
   */
  async append(entries: EntryWriter): Promise<void> {
    const file = await this.#usable();
    try {
      await file.append(entries);
    } catch (error) {
      if (error instanceof FileUnreliableError) await this.#lose(error);
      throw error;
    }
  }

  /** Brings what was appended to the disk. If that can't be done the file is given up, to be written anew. */
  async syncAppended(): Promise<void> {
    if (this.#state.kind === "open") await this.#look((file) => file.syncAppended());
  }

  /** After a commit, when those who wait for it know. */
  async noteSynced(): Promise<void> {
    if (this.#state.kind === "open") await this.#state.file.noteSynced();
  }

  /** Looks whether all is in its place, and puts it there if it is not. */
  async check(): Promise<void> {
    // Without the socket others would take this process for dead. The next check tries again.
    await this.#owner.keepListening().catch(() => {});
    await this.#look((file) => file.checkContent());
    if (!this.#isMigrationDue) await this.#lookout.look();
    if (this.#state.kind === "lost" && this.isWorthTrying) await this.#usable().catch(() => {});
  }

  /**
   * Sees before `close` that all which is kept, and has been committed, is on the disk, and writes it anew if it is not.
   *
   * @throws Error if that can't be done: then nothing is
   */
  async finish(): Promise<void> {
    await this.#look((file) => file.readAgain());
    if (this.#state.kind !== "lost") return;
    const { isInOlderFiles } = this.#state;
    try {
      await this.#usable();
    } catch (error) {
      const isNothingLost = this.kept.isEmpty || (isInOlderFiles && holdsFrameworks(this.#options.dataDir));
      if (!isNothingLost && !this.takenOver) throw error;
    }
  }

  /** Does a little of what there is to do to keep the log short. False if that is nothing now. */
  async compact(ready: () => void): Promise<boolean> {
    if (this.#state.kind !== "open") return false;
    const { file } = this.#state;
    const progress = await this.#compactor.step(file, ready);
    if (progress.kind === "done") {
      this.#state = { kind: "open", file: progress.file };
      await file.close().catch(() => {});
    }
    if (progress.kind === "unreliable") await this.#lose(progress.error);
    return progress.kind !== "nothing to do";
  }

  async close(): Promise<void> {
    await this.#closeFile();
    if (this.#state.kind !== "takenOver") this.#state = { kind: "closed" };
    await this.#owner.release();
  }

  /** Gives the file up if it is not where it should be, or not as it was written. */
  async #look(atContent: (file: LogFile) => Promise<void>): Promise<void> {
    if (this.#state.kind !== "open") return;
    const { file } = this.#state;
    try {
      await this.#confirm(file);
      await atContent(file);
    } catch (error) {
      if (error instanceof TakenOverError) return;
      await this.#lose(error as Error);
    }
  }

  /** If there is something to lose, a bridge continues even without a log, until there is room for one. */
  async #begin(): Promise<void> {
    try {
      await this.#usable();
    } catch (error) {
      if (this.#source === "none" || this.kept.isEmpty || this.takenOver) throw error;
      this.#options.trouble.unwritable(error);
    }
  }

  async #usable(): Promise<LogFile> {
    switch (this.#state.kind) {
      case "open":
        return this.#state.file;
      case "takenOver":
        throw this.#state.error;
      case "closed":
        throw new Error("the data directory is closed");
      case "lost":
        try {
          return await this.#renew();
        } catch (error) {
          this.#pauseRenewal();
          throw error;
        }
    }
  }

  async #renew(): Promise<LogFile> {
    await this.#holdAgain();
    const { dataDir, log, trouble } = this.#options;
    const file = await LogFile.create(this.path);
    try {
      for (const piece of this.kept.pieces()) await file.add(piece);
      if (this.#isMigrationDue) beginMigration(dataDir);
      await file.publish();
      await this.#confirm(file);
    } catch (error) {
      await file.discard();
      throw error;
    }
    this.#state = { kind: "open", file };
    trouble.renewed();
    this.#isMigrationDue = false;
    try {
      removeOlder(dataDir, this.#owner.number, this.#superseded, log);
      this.#superseded.clear();
    } catch (error) {
      log.warn({ err: error }, "files of an earlier run can't be removed from the data directory: remove them by hand");
    }
    return file;
  }

  /** Sees that the directory is there and this process's. */
  async #holdAgain(): Promise<void> {
    const { dataDir, kind, clock } = this.#options;
    if (await this.#owner.isHeld()) return;
    makeDataDir(dataDir);
    if (this.#owner.isSucceeded()) throw await this.#endAsTakenOver("another process has taken it over");
    try {
      const before = this.#owner;
      this.#owner = await DataDirOwner.acquire(dataDir, kind, clock);
      this.#superseded.add(before.number);
      await before.release();
    } catch (error) {
      if (error instanceof DataDirInUseError) throw await this.#endAsTakenOver(error.message);
      throw error;
    }
  }

  /** Is the file, and with it what was written to it, where others will look for it? @throws Error if not */
  async #confirm(file: LogFile): Promise<void> {
    const [held, place] = await Promise.all([this.#owner.isHeld(), file.place()]).catch((error: Error) => {
      throw error instanceof FileUnreliableError ? error : new FileUnreliableError(error.message, { cause: error });
    });
    if (held && place === "here") return;
    if (!held && this.#isSucceeded()) throw await this.#endAsTakenOver("another process has taken it over");
    if (place === "replaced") {
      throw await this.#endAsTakenOver(`${file.path} was replaced. Stop the bridge before you put a copy back`);
    }
    throw new FileUnreliableError(place === "gone" ? `${file.path} was deleted` : "the bridge's claim was deleted");
  }

  /** Where nobody can look, nobody has put anything. @throws FileUnreliableError if that can't be said */
  #isSucceeded(): boolean {
    try {
      return this.#owner.isSucceeded();
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
      throw new FileUnreliableError(errorText(error), { cause: error });
    }
  }

  async #endAsTakenOver(reason: string): Promise<TakenOverError> {
    await this.#closeFile();
    const error = new TakenOverError(`the data directory ${this.#options.dataDir} can't be used any more: ${reason}`);
    this.#state = { kind: "takenOver", error };
    return error;
  }

  async #lose(error: Error): Promise<void> {
    this.#options.trouble.lost(error, this.path);
    await this.#closeFile();
    this.#state = { kind: "lost", notBeforeMs: 0, isInOlderFiles: false };
  }

  #pauseRenewal(): void {
    if (this.#state.kind === "lost")
      this.#state = { ...this.#state, notBeforeMs: this.#options.clock.now() + RENEWAL_PAUSE_MS };
  }

  async #closeFile(): Promise<void> {
    await this.#compactor.discard();
    if (this.#state.kind === "open") await this.#state.file.close().catch(() => {});
  }
}
