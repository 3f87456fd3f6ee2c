import type { CookieBytes, FrameworkRecord, TaskRecord } from "../session/frameworkStore.js";
import { RestoreError } from "../session/restoreError.js";
import { checkedRecord } from "./checkedRecord.js";
import type { EntrySink, UncheckedRecord } from "./entryReader.js";
import { EntryWriter } from "./entryWriter.js";
import { KeptTasks } from "./keptTasks.js";

/** About so many bytes are written at a time: a few milliseconds of work. */
const PIECE_BYTES = 256 * 1024;
const PIECE_TASKS = 1_000;
/** Of their cookies. */
const PIECE_COOKIE_BYTES = PIECE_BYTES;

export interface KeptSize {
  readonly frameworks: number;
  readonly tasks: number;
}

/** Changes of tasks that are being written. */
export interface SavedTasks {
  /** True if no task is among them that came or changed. */
  readonly onlyRemovals: boolean;
  settle(written: boolean): void;
}

/** All that is remembered, in memory: what files hold, and the changes to tasks that are still to be written. */
export class KeptFrameworks implements EntrySink {
  readonly #records = new Map<string, FrameworkRecord>();
  /** Records that are not as they should be. They stay as they are, until a person decides. */
  readonly #bad = new Map<string, { readonly entry: UncheckedRecord; readonly error: RestoreError }>();
  readonly #tasks = new Map<string, KeptTasks>();
  /** Names of the frameworks whose tasks have changes that are not written. */
  readonly #changed = new Set<string>();

  get isEmpty(): boolean {
    return this.#records.size === 0 && this.#bad.size === 0 && this.#tasks.size === 0;
  }

  get size(): KeptSize {
    let tasks = 0;
    for (const { size } of this.#tasks.values()) tasks += size;
    return { frameworks: this.#records.size + this.#bad.size, tasks };
  }

  /** In the order of their names. */
  frameworks(): FrameworkRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.frameworkName < b.frameworkName ? -1 : 1));
  }

  framework(frameworkName: string): FrameworkRecord | undefined {
    return this.#records.get(frameworkName);
  }

  /** One error for each framework whose record can't be used. */
  unusable(): RestoreError[] {
    return Array.from(this.#bad.values(), ({ error }) => error);
  }

  /** The names of the frameworks with this id, also of those whose record can't be used. */
  namesOf(frameworkId: string): string[] {
    const names: string[] = [];
    for (const [name, record] of this.#records) if (record.frameworkId === frameworkId) names.push(name);
    for (const [name, { entry }] of this.#bad) if (entry.frameworkId === frameworkId) names.push(name);
    return names;
  }

  tasks(frameworkName: string): TaskRecord[] {
    return this.#tasks.get(frameworkName)?.list() ?? [];
  }

  cookieBytes(frameworkName: string): CookieBytes {
    let all = 0;
    for (const tasks of this.#tasks.values()) all += tasks.cookieBytes;
    return { framework: this.#tasks.get(frameworkName)?.cookieBytes ?? 0, all };
  }

  putFramework(record: UncheckedRecord): void {
    const { frameworkName } = record;
    const checked = checkedRecord(record);
    if (checked.kind === "good") return this.setRecord(checked.record);
    this.#records.delete(frameworkName);
    this.#bad.set(frameworkName, { entry: record, error: new RestoreError(frameworkName, checked.reason) });
  }

  removeFramework(frameworkName: string): void {
    this.deleteRecord(frameworkName);
    this.#tasks.delete(frameworkName);
  }

  putTask(frameworkName: string, task: TaskRecord): void {
    this.#tasksOf(frameworkName).load(task);
  }

  removeTask(frameworkName: string, taskId: string): void {
    this.#tasks.get(frameworkName)?.unload(taskId);
  }

  setRecord(record: FrameworkRecord): void {
    this.#bad.delete(record.frameworkName);
    this.#records.set(record.frameworkName, record);
  }

  deleteRecord(frameworkName: string): void {
    this.#records.delete(frameworkName);
    this.#bad.delete(frameworkName);
  }

  /** Changes tasks, to be written with the next `saveTasks`. */
  changeTasks(frameworkName: string, change: (tasks: KeptTasks) => void): void {
    const tasks = this.#tasksOf(frameworkName);
    change(tasks);
    this.#note(frameworkName, tasks);
  }

  /** Takes the tasks of a framework away while their removal is being written. */
  putTasksAside(frameworkName: string): KeptTasks | undefined {
    const aside = this.#tasks.get(frameworkName);
    this.#tasks.delete(frameworkName);
    this.#changed.delete(frameworkName);
    return aside;
  }

  takeTasksBack(frameworkName: string, aside: KeptTasks | undefined): void {
    if (aside) this.changeTasks(frameworkName, (tasks) => tasks.takeBack(aside));
  }

  get hasUnsavedTasks(): boolean {
    return this.#changed.size > 0;
  }

  get unsavedTasks(): number {
    let count = 0;
    for (const name of this.#changed) count += this.#tasks.get(name)?.unsavedCount ?? 0;
    return count;
  }

  /** Writes all changes to tasks. `settle` has to be told what became of them. */
  saveTasks(out: EntryWriter): SavedTasks {
    const saving = Array.from(this.#changed, (name) => ({ name, tasks: this.#tasksOf(name) }));
    this.#changed.clear();
    let onlyRemovals = true;
    for (const { name, tasks } of saving) if (tasks.save(name, out)) onlyRemovals = false;
    const settle = (written: boolean) => {
      for (const { name, tasks } of saving) {
        tasks.settle(written);
        if (this.#tasks.get(name) === tasks) this.#note(name, tasks);
      }
    };
    return { onlyRemovals, settle };
  }

  /**
   * All of it, in pieces. What changes between two pieces is in it or not, except changes that were not written when
   * their piece was made: these are not.
   */
  *pieces(): Generator<EntryWriter> {
    let out = new EntryWriter();
    for (const write of this.#parts()) {
      write(out);
      if (out.size < PIECE_BYTES) continue;
      yield out;
      out = new EntryWriter();
    }
    if (out.size > 0) yield out;
  }

  *#parts(): Generator<(out: EntryWriter) => void> {
    for (const record of this.#records.values()) yield (out) => out.putFramework(record);
    for (const { entry } of this.#bad.values()) yield (out) => out.putFramework(entry);
    for (const [name, tasks] of this.#tasks) {
      for (const some of inParts(tasks.saved())) yield (out) => out.putTasks(name, some);
    }
  }

  #tasksOf(frameworkName: string): KeptTasks {
    const known = this.#tasks.get(frameworkName);
    if (known) return known;
    const tasks = new KeptTasks();
    this.#tasks.set(frameworkName, tasks);
    return tasks;
  }

  #note(frameworkName: string, tasks: KeptTasks): void {
    if (tasks.unsavedCount > 0) this.#changed.add(frameworkName);
    else this.#changed.delete(frameworkName);
    if (tasks.isEmpty) this.#tasks.delete(frameworkName);
  }
}

/** Some tasks at a time. */
function* inParts(tasks: Iterable<TaskRecord>): Generator<TaskRecord[]> {
  let part: TaskRecord[] = [];
  let bytes = 0;
  for (const task of tasks) {
    part.push(task);
    bytes += task.cookie?.length ?? 0;
    if (part.length < PIECE_TASKS && bytes < PIECE_COOKIE_BYTES) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}
