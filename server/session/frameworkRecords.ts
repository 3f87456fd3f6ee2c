import type { FrameworkRecord, FrameworkStore } from "./frameworkStore.js";
import { RecordWriter } from "./recordWriter.js";
import { SortedKeys } from "./sortedKeys.js";
import type { Surroundings } from "./surroundings.js";

/** What is remembered of all frameworks, and the one writer of each record that may change. */
export class FrameworkRecords {
  readonly #store: FrameworkStore;
  readonly #surroundings: Surroundings;
  /** Of each framework that has a session or is about to, and of those whose record the disk does not hold yet. */
  readonly #writers = new Map<string, RecordWriter>();
  /** The names of what is remembered, in order. A name may outlive its record. */
  readonly #names = new SortedKeys();

  constructor(store: FrameworkStore, surroundings: Surroundings) {
    this.#store = store;
    this.#surroundings = surroundings;
  }

  /** All that the store holds, in the order of the names. */
  restore(): FrameworkRecord[] {
    const records = this.#store.frameworks();
    for (const { frameworkName } of records) this.#names.add(frameworkName);
    return records;
  }

  /** The writer of a stored framework whose session is taken up. @param kept what this run makes of the record */
  takeUp(saved: FrameworkRecord, kept: FrameworkRecord): RecordWriter {
    return this.#writer(saved.frameworkName, saved, kept);
  }

  /** The writer of the framework with that name, whether one is remembered or not. */
  of(frameworkName: string): RecordWriter {
    const writer = this.#writers.get(frameworkName);
    if (writer) return writer;
    const stored = this.#store.framework(frameworkName);
    return this.#writer(frameworkName, stored, stored);
  }

  /** What is remembered after this name, or all of it, in the order of the names. Nothing may change while it is read. */
  *after(frameworkName: string | undefined): IterableIterator<FrameworkRecord> {
    for (const name of this.#names.after(frameworkName)) {
      const record = this.known(name);
      if (record) yield record;
    }
  }

  /** What is remembered of the framework with that name. */
  known(frameworkName: string): FrameworkRecord | undefined {
    const writer = this.#writers.get(frameworkName);
    return writer ? writer.record : this.#store.framework(frameworkName);
  }

  /** True if some framework has this id, or is about to have it. */
  isHeld(frameworkId: string): boolean {
    for (const writer of this.#writers.values()) if (writer.frameworkIds.includes(frameworkId)) return true;
    const stored = this.#store.frameworks();
    return stored.some((record) => record.frameworkId === frameworkId && !this.#writers.has(record.frameworkName));
  }

  /** A framework's session has ended. Resolves when the disk has been told; never rejects. */
  async end(frameworkName: string, next: "keep" | "forget"): Promise<void> {
    if (next === "forget") this.#names.delete(frameworkName);
    await this.#writers.get(frameworkName)?.end(next);
  }

  /** Ends all retries: what the disk does not take now is lost. */
  close(): void {
    for (const writer of this.#writers.values()) writer.close();
    this.#writers.clear();
  }

  #writer(frameworkName: string, saved: FrameworkRecord | undefined, kept: FrameworkRecord | undefined): RecordWriter {
    const writer = new RecordWriter(frameworkName, saved, kept, {
      store: this.#store,
      ...this.#surroundings,
      accepted: () => this.#names.add(frameworkName),
      idle: () => this.#writers.delete(frameworkName),
    });
    this.#writers.set(frameworkName, writer);
    return writer;
  }
}
