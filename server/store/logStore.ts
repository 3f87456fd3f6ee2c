import { type Clock, type Planned, systemClock } from "../../wire/clock.js";
import type { Log } from "../log.js";
import type {
  Changes,
  ContentBytes,
  Forgotten,
  FrameworkRecord,
  FrameworkStore,
  StateView,
  TaskRecord,
} from "../session/frameworkStore.js";
import type { RestoreError } from "../session/restoreError.js";
import { inverseOf } from "../session/stateWrites.js";
import type { OwnerKind } from "./dataDirOwner.js";
import { EntryWriter } from "./entryWriter.js";
import type { KeptContent } from "./keptContent.js";
import { type KeptFrameworks, PIECE_BYTES } from "./keptFrameworks.js";
import { OwnedLog } from "./ownedLog.js";
import { StoreCounts } from "./storeCounts.js";
import { StoreTrouble } from "./storeTrouble.js";
import { UnsavedError } from "./unsavedError.js";

export interface LogStoreOptions {
  readonly log: Log;
  /** What opens it, as others are told. Default: a bridge. */
  readonly kind?: OwnerKind;
  /** Called once if another process has taken the directory: nothing can be stored any more. */
  readonly onTakenOver?: (error: Error) => void;
  /** How large a log has to be before it is compacted, in bytes. Default: 8 MiB. */
  readonly minCompactionBytes?: number;
  /** Where writes are counted. */
  readonly counts?: StoreCounts;
  /** Default: the system's. */
  readonly clock?: Clock;
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
 * one write: all of it is done, or nothing. It is on the disk before anybody hears of it, but for tasks that ended: of
 * these a bridge that starts again asks Mesos, as it does of all tasks, so they are brought to the disk once a second.
 */
export class LogStore implements FrameworkStore {
  readonly #log: Log;
  readonly #trouble: StoreTrouble;
  readonly #owned: OwnedLog;
  readonly #kept: KeptFrameworks;
  #onTakenOver: ((error: Error) => void) | undefined;
  readonly #clock: Clock;
  readonly #counts: StoreCounts;
  readonly #timer: Planned;
  #writes: Write[] = [];
  #checkDue = false;
  #noteDue = false;
  /** Removals of tasks were written that may not be on the disk. */
  #syncDue = false;
  /** Tasks could not be written: they are tried again now and then. */
  #stalled = false;
  /** Why the last write failed. */
  #failure: Error | undefined;
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(owned: OwnedLog, trouble: StoreTrouble, options: LogStoreOptions, clock: Clock) {
    this.#clock = clock;
    this.#counts = options.counts ?? new StoreCounts();
    this.#owned = owned;
    this.#kept = owned.kept;
    this.#log = options.log;
    this.#trouble = trouble;
    this.#onTakenOver = options.onTakenOver;
    this.#timer = clock.every(CHECK_MS, () => this.#check());
  }

  /**
   * Makes the directory if it is missing. One process at a time may have it open.
   *
   * @throws DataDirInUseError, or an Error with one line that says what can't be used and what to do
   */
  static async open(dataDir: string, options: LogStoreOptions): Promise<LogStore> {
    const { log, kind = "bridge", minCompactionBytes, clock = systemClock } = options;
    const trouble = new StoreTrouble(log, clock);
    const owned = await OwnedLog.open({ dataDir, kind, log, trouble, minCompactionBytes, clock });
    return new LogStore(owned, trouble, options, clock);
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

  /** The names of the frameworks with this id, also of those whose record can't be used. */
  namesOf(frameworkId: string): string[] {
    return this.#kept.namesOf(frameworkId);
  }

  tasks(frameworkName: string): TaskRecord[] {
    return this.#kept.tasks(frameworkName);
  }

  state(frameworkName: string): StateView {
    return this.#kept.state(frameworkName);
  }

  contentBytes(frameworkName: string): ContentBytes {
    return this.#kept.contentBytes(frameworkName);
  }

  reserve(frameworkName: string, bytes: number): () => void {
    if (bytes === 0) return () => {};
    const content = this.#kept.contentOf(frameworkName);
    content.reserved += bytes;
    return () => {
      content.reserved -= bytes;
    };
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
    const takeBack = this.#kept.putAside(frameworkName);
    return this.#write(entries, () => this.#kept.deleteRecord(frameworkName), takeBack);
  }

  replace(record: FrameworkRecord, forgotten: Forgotten): Promise<void> {
    const own = owned(record);
    const { frameworkName } = own;
    const entries = new EntryWriter();
    entries.removeFramework(frameworkName);
    entries.putFramework(own);
    const takeBack =
      forgotten === "tasks" ? this.#putTasksAside(frameworkName, entries) : this.#kept.putAside(frameworkName);
    return this.#write(entries, () => this.#kept.setRecord(own), takeBack);
  }

  putTasks(frameworkName: string, tasks: readonly TaskRecord[]): void {
    this.#kept.change(frameworkName, (kept) => {
      for (const task of tasks) kept.tasks.put(task);
    });
    this.#schedule();
  }

  removeTask(frameworkName: string, taskId: string): void {
    this.#kept.change(frameworkName, ({ tasks }) => tasks.remove(taskId));
    this.#schedule();
  }

  commit(frameworkName: string, changes: Changes): Promise<void> {
    const content = this.#kept.contentOf(frameworkName);
    const undo = undoOf(content, changes);
    this.#kept.change(frameworkName, (kept) => apply(kept, changes), content);
    // The changes come to the disk with the next commit, whoever asked for it.
    return this.#write(
      new EntryWriter(),
      () => {},
      () => this.#kept.change(frameworkName, (kept) => apply(kept, undo), content),
    );
  }

  commitInTime(frameworkName: string, changes: Changes): Promise<void> {
    this.#kept.change(frameworkName, (kept) => apply(kept, changes));
    return this.#write(new EntryWriter(), () => {});
  }

  setOverdue(frameworkName: string, isOverdue: boolean): void {
    this.#trouble.setOverdue(frameworkName, isOverdue);
  }

  /**
   * Writes what is to be written, sees that all of it is on the disk, and gives the directory back.
   *
   * @throws UnsavedError with one line for a person if something is not on the disk
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The state is written again, behind what removes all of the framework. */
  #putTasksAside(frameworkName: string, entries: EntryWriter): () => void {
    const { size, version } = this.#kept.state(frameworkName);
    if (version > 0) entries.putState(frameworkName, version, []);
    if (size > 0) this.#kept.change(frameworkName, ({ state }) => state.saveAllAgain());
    return this.#kept.putTasksAside(frameworkName);
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
      const fault = (err: unknown) => {
        this.#running = undefined;
        this.#log.error({ err }, "the data directory is not written: the bridge has a fault");
      };
      this.#clock.soon(() => {
        this.#run().catch(fault).finally(resolve);
      });
    });
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const ready = () => this.#schedule();
    // Compaction takes its turn between commits, so that neither holds the other up.
    while (this.#hasWork || (await this.#owned.compact(ready)) || this.#hasWork) {
      if (this.#hasChanges) await this.#compactBeside(await this.#commit(), ready);
      if (this.#checkDue) await this.#runCheck();
      if (this.#noteDue && !this.#hasChanges) await this.#note();
    }
    this.#running = undefined;
  }

  /** As much as was written, so that a log that grows does not outgrow its copy. */
  async #compactBeside(bytes: number, ready: () => void): Promise<void> {
    for (let left = bytes; (await this.#owned.compact(ready)) && left > PIECE_BYTES; left -= PIECE_BYTES);
  }

  get #hasChanges(): boolean {
    return this.#writes.length > 0 || (this.#kept.hasUnsaved && !this.#stalled);
  }

  get #hasWork(): boolean {
    return this.#hasChanges || this.#checkDue || this.#noteDue;
  }

  async #sync(): Promise<void> {
    if (!this.#syncDue) return;
    this.#syncDue = false;
    await this.#owned.syncAppended();
    this.#noteDue = true;
  }

  /** Not after each commit: those that wait for the next one need not wait for this. */
  async #note(): Promise<void> {
    this.#noteDue = false;
    await this.#owned.noteSynced();
  }

  async #runCheck(): Promise<void> {
    this.#checkDue = false;
    await this.#sync();
    if (this.#noteDue) await this.#note();
    await this.#owned.check();
    this.#endIfTakenOver();
    if (this.#stalled && this.#owned.isWorthTrying) await this.#commit();
    this.#trouble.settle(!this.#kept.hasUnsaved);
  }

  /** Gives how many bytes were written. */
  async #commit(): Promise<number> {
    const writes = this.#writes;
    this.#writes = [];
    const entries = new EntryWriter();
    for (const write of writes) entries.add(write.entries);
    const { onlyRemovals, settle } = this.#kept.save(entries);
    const mayWait = writes.length === 0 && onlyRemovals;
    try {
      if (entries.size > 0) await (mayWait ? this.#owned.append(entries) : this.#commitTimed(entries));
    } catch (error) {
      settle(false);
      for (const { failed } of writes) failed(error as Error);
      await this.#failed(error as Error, largestPart(writes, entries.size), writes.length > 0);
      return 0;
    }
    settle(true);
    for (const { done } of writes) done();
    this.#stalled = false;
    this.#syncDue = mayWait;
    this.#noteDue ||= !mayWait;
    this.#trouble.written(entries.size);
    this.#trouble.settle(!this.#kept.hasUnsaved);
    return entries.size;
  }

  async #commitTimed(entries: EntryWriter): Promise<void> {
    const since = this.#clock.now();
    await this.#owned.commit(entries);
    this.#counts.writes.observe((this.#clock.now() - since) / 1_000);
  }

  async #failed(error: Error, bytes: number, withWrites: boolean): Promise<void> {
    this.#counts.failures++;
    if (this.#endIfTakenOver()) return;
    this.#failure = error;
    this.#trouble.failed(error, bytes);
    if (!this.#kept.hasUnsaved || this.#stalled) return;
    // Perhaps there is room for the tasks alone.
    if (withWrites) return this.#commitTasks();
    this.#stalled = true;
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
    this.#timer.cancel();
    const tell = this.#onTakenOver;
    this.#onTakenOver = undefined;
    tell?.(error);
    return true;
  }

  async #close(): Promise<void> {
    this.#timer.cancel();
    await this.#running;
    try {
      await this.#finish();
    } finally {
      await this.#owned.close();
    }
  }

  /** @throws UnsavedError */
  async #finish(): Promise<void> {
    if (this.#owned.takenOver) return;
    const { dataDir } = this.#owned;
    if (this.#kept.hasUnsaved) await this.#commit();
    await this.#sync();
    try {
      await this.#owned.finish();
    } catch (error) {
      throw new UnsavedError(dataDir, this.#kept.size, error as Error);
    }
    // A log that was written anew lacks changes of tasks that failed before.
    if (this.#kept.hasUnsaved) await this.#commit();
    await this.#sync();
    if (this.#owned.takenOver) return;
    const frameworks = this.#trouble.overdue;
    const { tasks, keys } = this.#kept.unsaved;
    if (frameworks + tasks + keys > 0) throw new UnsavedError(dataDir, { frameworks, tasks, keys }, this.#failure);
    this.#trouble.settle(true);
  }
}

function apply({ tasks, state }: KeptContent, changes: Changes): void {
  for (const task of changes.putTasks ?? []) tasks.put(task);
  for (const taskId of changes.removeTasks ?? []) tasks.remove(taskId);
  for (const write of changes.state ?? []) {
    if ("put" in write) state.put(write.put);
    else state.remove(write.remove);
  }
}

/** What has to be done to have everything as it is now. */
function undoOf({ tasks, state }: KeptContent, changes: Changes): Changes {
  const putTasks: TaskRecord[] = [];
  const removeTasks: string[] = [];
  for (const taskId of [...(changes.putTasks ?? []).map((task) => task.taskId), ...(changes.removeTasks ?? [])]) {
    const known = tasks.find(taskId);
    if (known) putTasks.push(known);
    else removeTasks.push(taskId);
  }
  return { putTasks, removeTasks, state: inverseOf(state, changes.state ?? []) };
}

/** What did not fit together may fit one by one: `total` bytes are these writes and changes to tasks. */
function largestPart(writes: readonly Write[], total: number): number {
  let largest = 0;
  let rest = total;
  for (const { entries } of writes) {
    largest = Math.max(largest, entries.size);
    rest -= entries.size;
  }
  return Math.max(largest, rest);
}

/** The record with bytes of its own: those of a request may be a small part of a large buffer. */
function owned(record: FrameworkRecord): FrameworkRecord {
  return {
    ...record,
    frameworkInfo: Buffer.from(record.frameworkInfo),
    offerConstraints: Buffer.from(record.offerConstraints),
  };
}
