import type { Log } from "../log.js";
import type { FrameworkRecord, FrameworkStore, TaskRecord } from "../session/frameworkStore.js";
import type { RestoreError } from "../session/restoreError.js";
import type { OwnerKind } from "./dataDirOwner.js";
import { EntryWriter } from "./entryWriter.js";
import type { KeptFrameworks } from "./keptFrameworks.js";
import { OwnedLog } from "./ownedLog.js";

export interface LogStoreOptions {
  readonly log: Log;
  /** What opens it, as others are told. Default: a bridge. */
  readonly kind?: OwnerKind;
  /** Called once if another process has taken the directory: nothing can be stored any more. */
  readonly onTakenOver?: (error: Error) => void;
  /** How large a log has to be before it is compacted, in bytes. Default: 8 MiB. */
  readonly minCompactionBytes?: number;
}

/** A change that somebody waits for. */
interface Write {
  readonly entries: EntryWriter;
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

/** How often it is looked whether the files are in their place, and tried to write what could not be written. */
const CHECK_MS = 1_000;

/**
 * Keeps frameworks in a log in a data directory, and all of them in memory. What is changed in one turn of the event loop is
 * one write to the disk: all of it is done, or nothing.
 */
export class LogStore implements FrameworkStore {
  readonly #log: Log;
  readonly #owned: OwnedLog;
  readonly #kept: KeptFrameworks;
  #onTakenOver: ((error: Error) => void) | undefined;
  readonly #timer: NodeJS.Timeout;
  #writes: Write[] = [];
  #checkDue = false;
  #noteDue = false;
  /** Tasks could not be written: they are tried again now and then. */
  #stalled = false;
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(owned: OwnedLog, options: LogStoreOptions) {
    this.#owned = owned;
    this.#kept = owned.kept;
    this.#log = options.log;
    this.#onTakenOver = options.onTakenOver;
    this.#timer = setInterval(() => this.#check(), CHECK_MS).unref();
  }

  /**
   * Makes the directory if it is missing. One process at a time may have it open.
   *
   * @throws DataDirInUseError, or an Error with one line that says what can't be used and what to do
   */
  static async open(dataDir: string, options: LogStoreOptions): Promise<LogStore> {
    const { log, kind = "bridge", minCompactionBytes } = options;
    return new LogStore(await OwnedLog.open({ dataDir, kind, log, minCompactionBytes }), options);
  }

  frameworks(): FrameworkRecord[] {
    return this.#kept.frameworks();
  }

  framework(frameworkName: string): FrameworkRecord | undefined {
    return this.#kept.framework(frameworkName);
  }

  /** One error for each framework whose record can't be used. They stay as they are until they are removed. */
  unusable(): RestoreError[] {
    return this.#kept.unusable();
  }

  tasks(frameworkName: string): TaskRecord[] {
    return this.#kept.tasks(frameworkName);
  }

  put(record: FrameworkRecord): Promise<void> {
    const own = owned(record);
    const entries = new EntryWriter();
    entries.putFramework(own);
    return this.#write(entries, () => this.#kept.setRecord(own));
  }

  remove(frameworkName: string): Promise<void> {
    const entries = new EntryWriter();
    entries.removeFramework(frameworkName);
    return this.#writeWithoutTasks(frameworkName, entries, () => this.#kept.deleteRecord(frameworkName));
  }

  replace(record: FrameworkRecord): Promise<void> {
    const own = owned(record);
    const entries = new EntryWriter();
    entries.removeFramework(own.frameworkName);
    entries.putFramework(own);
    return this.#writeWithoutTasks(own.frameworkName, entries, () => this.#kept.setRecord(own));
  }

  putTasks(frameworkName: string, tasks: readonly TaskRecord[]): void {
    this.#kept.changeTasks(frameworkName, (kept) => {
      for (const task of tasks) kept.put(task);
    });
    this.#schedule();
  }

  removeTask(frameworkName: string, taskId: string): void {
    this.#kept.changeTasks(frameworkName, (kept) => kept.remove(taskId));
    this.#schedule();
  }

  /** Writes what is to be written, and gives the directory back. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #writeWithoutTasks(frameworkName: string, entries: EntryWriter, apply: () => void): Promise<void> {
    const aside = this.#kept.putTasksAside(frameworkName);
    const putBack = () => this.#kept.takeTasksBack(frameworkName, aside);
    return this.#write(entries, apply, putBack);
  }

  #write(entries: EntryWriter, apply: () => void, undo: () => void = () => {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        apply();
        resolve();
      };
      const failed = (error: Error) => {
        undo();
        reject(error);
      };
      if (this.#closing) return failed(new Error("the data directory is closed"));
      this.#writes.push({ entries, done, failed });
      this.#schedule();
    });
  }

  #check(): void {
    this.#checkDue = true;
    this.#schedule();
  }

  /** At the end of this turn of the event loop, so that one write takes all that it brings. */
  #schedule(): void {
    if (this.#closing) return;
    this.#running ??= new Promise((resolve) => {
      setImmediate(() => void this.#run().finally(resolve));
    });
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const ready = () => this.#schedule();
    // Compaction takes its turn between commits, so that neither holds the other up.
    while (this.#hasWork || (await this.#owned.compact(ready)) || this.#hasWork) {
      if (this.#hasChanges) {
        await this.#commit();
        await this.#owned.compact(ready);
      }
      if (this.#checkDue) await this.#runCheck();
      if (this.#noteDue && !this.#hasChanges) await this.#note();
    }
    this.#running = undefined;
  }

  get #hasChanges(): boolean {
    return this.#writes.length > 0 || (this.#kept.hasUnsavedTasks && !this.#stalled);
  }

  get #hasWork(): boolean {
    return this.#hasChanges || this.#checkDue || this.#noteDue;
  }

  /** Not after each commit: those that wait for the next one need not wait for this. */
  async #note(): Promise<void> {
    this.#noteDue = false;
    await this.#owned.noteSynced();
  }

  async #runCheck(): Promise<void> {
    this.#checkDue = false;
    if (this.#noteDue) await this.#note();
    await this.#owned.check();
    this.#endIfTakenOver();
    if (this.#stalled && this.#owned.isWorthTrying) await this.#commit();
  }

  async #commit(): Promise<void> {
    const writes = this.#writes;
    this.#writes = [];
    const waiting = this.#stalled ? this.#kept.unsavedTasks : 0;
    const entries = new EntryWriter();
    for (const write of writes) entries.add(write.entries);
    const settle = this.#kept.saveTasks(entries);
    try {
      if (entries.size > 0) await this.#owned.commit(entries);
    } catch (error) {
      settle(false);
      for (const { failed } of writes) failed(error as Error);
      await this.#failed(error as Error, writes.length > 0);
      return;
    }
    settle(true);
    for (const { done } of writes) done();
    if (this.#stalled) this.#log.info({ tasks: waiting }, "changes to tasks that could not be stored are stored now");
    this.#stalled = false;
    this.#noteDue = true;
  }

  async #failed(error: Error, withWrites: boolean): Promise<void> {
    if (this.#endIfTakenOver() || !this.#kept.hasUnsavedTasks || this.#stalled) return;
    // Perhaps there is room for the tasks alone.
    if (withWrites) return this.#commitTasks();
    this.#stalled = true;
    this.#log.error(
      { err: error },
      "changes to tasks can't be stored: they are kept in memory, and stored as soon as that is possible",
    );
  }

  async #commitTasks(): Promise<void> {
    const later = this.#writes;
    this.#writes = [];
    await this.#commit();
    this.#writes = [...later, ...this.#writes];
  }

  #endIfTakenOver(): boolean {
    const error = this.#owned.takenOver;
    if (!error) return false;
    this.#stalled = true;
    clearInterval(this.#timer);
    const tell = this.#onTakenOver;
    this.#onTakenOver = undefined;
    tell?.(error);
    return true;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    const tasks = this.#kept.unsavedTasks;
    if (this.#kept.hasUnsavedTasks && !this.#owned.takenOver) await this.#commit();
    if (this.#kept.hasUnsavedTasks) this.#log.error({ tasks }, "changes to tasks could not be stored");
    await this.#owned.close();
  }
}

/** The record with bytes of its own: those of a request may be a small part of a large buffer. */
function owned(record: FrameworkRecord): FrameworkRecord {
  return {
    ...record,
    frameworkInfo: Buffer.from(record.frameworkInfo),
    offerConstraints: Buffer.from(record.offerConstraints),
  };
}
