import type { ContentBytes, FrameworkRecord, StateEntry, StateView, TaskRecord } from "../session/frameworkStore.js";
import { RestoreError } from "../session/restoreError.js";
import { checkedRecord } from "./checkedRecord.js";
import type { EntrySink, UncheckedRecord } from "./entryReader.js";
import { EntryWriter } from "./entryWriter.js";
import { KeptContent, KeptState, type Saving } from "./keptContent.js";

/** About so many bytes are written at a time: a few milliseconds of work. */
export const PIECE_BYTES = 256 * 1024;
const PIECE_ITEMS = 1_000;

export interface KeptSize {
  readonly frameworks: number;
  readonly tasks: number;
  /** Of state. */
  readonly keys: number;
}

/** All that is remembered, in memory: what files hold, and the changes to tasks and state that are still to be written. */
export class KeptFrameworks implements EntrySink {
  readonly #records = new Map<string, FrameworkRecord>();
  /** Records that are not as they should be. They stay as they are, until a person decides. */
  readonly #bad = new Map<string, { readonly entry: UncheckedRecord; readonly error: RestoreError }>();
  readonly #contents = new Map<string, KeptContent>();
  /** Names of the frameworks whose tasks or state have changes that are not written. */
  readonly #changed = new Set<string>();

  get isEmpty(): boolean {
    return this.#records.size === 0 && this.#bad.size === 0 && this.#contents.size === 0;
  }

  get size(): KeptSize {
    let tasks = 0;
    let keys = 0;
    for (const content of this.#contents.values()) {
      tasks += content.tasks.size;
      keys += content.state.size;
    }
    return { frameworks: this.#records.size + this.#bad.size, tasks, keys };
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
    return [...(this.#contents.get(frameworkName)?.tasks.values() ?? [])];
  }

  state(frameworkName: string): StateView {
    return this.#contents.get(frameworkName)?.state ?? NO_STATE;
  }

  contentBytes(frameworkName: string): ContentBytes {
    let all = 0;
    for (const { bytes } of this.#contents.values()) all += bytes;
    return { framework: this.#contents.get(frameworkName)?.bytes ?? 0, all };
  }

  /** Tasks and state of a framework, to be changed by `change`. */
  contentOf(frameworkName: string): KeptContent {
    const known = this.#contents.get(frameworkName);
    if (known) return known;
    const content = new KeptContent();
    this.#contents.set(frameworkName, content);
    return content;
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
    this.#contents.delete(frameworkName);
  }

  putTask(frameworkName: string, task: TaskRecord): void {
    this.contentOf(frameworkName).tasks.load(task);
  }

  removeTask(frameworkName: string, taskId: string): void {
    this.#contents.get(frameworkName)?.tasks.unload(taskId);
  }

  noteStateVersion(frameworkName: string, version: number): void {
    this.contentOf(frameworkName).state.noteVersion(version);
  }

  putState(frameworkName: string, entry: StateEntry): void {
    this.contentOf(frameworkName).state.load(entry);
  }

  removeState(frameworkName: string, key: string): void {
    this.#contents.get(frameworkName)?.state.unload(key);
  }

  setRecord(record: FrameworkRecord): void {
    this.#bad.delete(record.frameworkName);
    this.#records.set(record.frameworkName, record);
  }

  deleteRecord(frameworkName: string): void {
    this.#records.delete(frameworkName);
    this.#bad.delete(frameworkName);
  }

  /**
   * Changes tasks and state, to be written with the next `save`.
   *
   * @param content what is changed, wherever it is now. Default: what the framework has
   */
  change(
    frameworkName: string,
    change: (content: KeptContent) => void,
    content: KeptContent = this.contentOf(frameworkName),
  ): void {
    change(content);
    if (this.#contents.get(frameworkName) === content) this.#note(frameworkName, content);
  }

  /** Takes tasks and state of a framework away while their removal is being written. Gives what takes them back. */
  putAside(frameworkName: string): () => void {
    const aside = this.#contents.get(frameworkName);
    this.#contents.delete(frameworkName);
    this.#changed.delete(frameworkName);
    return () => {
      if (aside) this.change(frameworkName, (content) => content.takeBack(aside));
    };
  }

  /** The same of the tasks alone. */
  putTasksAside(frameworkName: string): () => void {
    const content = this.#contents.get(frameworkName);
    if (!content) return () => {};
    const aside = content.putTasksAside();
    this.#note(frameworkName, content);
    return () => this.change(frameworkName, ({ tasks }) => tasks.takeBack(aside));
  }

  get hasUnsaved(): boolean {
    return this.#changed.size > 0;
  }

  get unsaved(): Pick<KeptSize, "tasks" | "keys"> {
    let tasks = 0;
    let keys = 0;
    for (const name of this.#changed) {
      const content = this.#contents.get(name);
      tasks += content?.tasks.unsavedCount ?? 0;
      keys += content?.state.unsavedCount ?? 0;
    }
    return { tasks, keys };
  }

  /** Writes all changes to tasks and state. `settle` has to be told what became of them. */
  save(out: EntryWriter): Saving {
    const changed = Array.from(this.#changed, (name) => ({ name, content: this.contentOf(name) }));
    this.#changed.clear();
    const saving = changed.map((one) => ({ ...one, ...one.content.save(one.name, out) }));
    const settle = (written: boolean) => {
      for (const one of saving) {
        this.change(one.name, () => one.settle(written), one.content);
      }
    };
    return { onlyRemovals: saving.every(({ onlyRemovals }) => onlyRemovals), settle };
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
    for (const [name, { tasks, state }] of this.#contents) {
      for (const some of inParts(tasks.saved(), taskBytes)) yield (out) => out.putTasks(name, some);
      // Its version stays even if all keys are gone.
      if (state.version > 0) yield (out) => out.putState(name, state.version, []);
      for (const some of inParts(state.saved(), entryBytes)) yield (out) => out.putState(name, state.version, some);
    }
  }

  #note(frameworkName: string, content: KeptContent): void {
    if (content.hasUnsaved) this.#changed.add(frameworkName);
    else this.#changed.delete(frameworkName);
    if (content.isEmpty) this.#contents.delete(frameworkName);
  }
}

const NO_STATE: StateView = new KeptState();

const taskBytes = ({ cookie }: TaskRecord) => cookie?.length ?? 0;
const entryBytes = ({ value }: StateEntry) => value.length;

/** Some items at a time. */
function* inParts<Item>(items: Iterable<Item>, bytesOf: (item: Item) => number): Generator<Item[]> {
  let part: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    part.push(item);
    bytes += bytesOf(item);
    if (part.length < PIECE_ITEMS && bytes < PIECE_BYTES) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}
