import type { TaskRecord } from "../session/frameworkStore.js";
import type { EntryWriter } from "./entryWriter.js";

/** Task ids that are to be written anew, each with whether the file may hold it. */
type Changes = Map<string, boolean>;

/**
 * The tasks of one framework as they are to be, and which of them the file does not show yet. A change waits here until
 * it is written, however often that fails. One task is one change, and a task that came and went before it was written
 * is none, so what waits is never more than the tasks that are or were written.
 */
export class KeptTasks {
  readonly #all = new Map<string, string>();
  #unsaved: Changes = new Map();
  /** What is being written now. */
  #saving: Changes = new Map();

  get isEmpty(): boolean {
    return this.#all.size === 0 && this.#unsaved.size === 0 && this.#saving.size === 0;
  }

  get size(): number {
    return this.#all.size;
  }

  get unsavedCount(): number {
    return this.#unsaved.size;
  }

  /** Takes what a file holds. */
  load(taskId: string, agentId: string | undefined): void {
    if (agentId === undefined) this.#all.delete(taskId);
    else this.#all.set(taskId, agentId);
  }

  put({ taskId, agentId }: TaskRecord): void {
    if (this.#all.get(taskId) === agentId) return;
    this.#noteChange(taskId);
    this.#all.set(taskId, agentId);
  }

  remove(taskId: string): void {
    if (!this.#all.has(taskId)) return;
    this.#noteChange(taskId);
    this.#all.delete(taskId);
    this.#forgetIfNeverSaved(taskId);
  }

  list(): TaskRecord[] {
    return Array.from(this.#all, ([taskId, agentId]) => ({ taskId, agentId }));
  }

  /** What a copy of the file may hold: not what would have to be removed from it again if it were dropped here. */
  *saved(): Generator<TaskRecord> {
    for (const [taskId, agentId] of this.#all) {
      if (this.#unsaved.get(taskId) !== false && this.#saving.get(taskId) !== false) yield { taskId, agentId };
    }
  }

  /** Writes all changes. Then `settle` has to be told what became of them. True if there are others than removals. */
  save(frameworkName: string, out: EntryWriter): boolean {
    this.#saving = this.#unsaved;
    this.#unsaved = new Map();
    const put: TaskRecord[] = [];
    const removed: string[] = [];
    for (const taskId of this.#saving.keys()) {
      const agentId = this.#all.get(taskId);
      if (agentId === undefined) removed.push(taskId);
      else put.push({ taskId, agentId });
    }
    if (put.length > 0) out.putTasks(frameworkName, put);
    if (removed.length > 0) out.removeTasks(frameworkName, removed);
    return put.length > 0;
  }

  settle(written: boolean): void {
    const saving = this.#saving;
    this.#saving = new Map();
    if (written) return;
    for (const [taskId, inFile] of saving) {
      this.#unsaved.set(taskId, inFile);
      this.#forgetIfNeverSaved(taskId);
    }
  }

  /**
   * Takes back what was put aside for a removal that failed; what has been put here since counts. All of it is written
   * again: a copy of the file that was made meanwhile lacks it.
   */
  takeBack(aside: KeptTasks): void {
    const since = [...this.#all];
    this.#all.clear();
    this.#unsaved = aside.#unsaved;
    for (const [taskId, agentId] of aside.#all) {
      this.#all.set(taskId, agentId);
      if (!this.#unsaved.has(taskId)) this.#unsaved.set(taskId, true);
    }
    for (const [taskId, agentId] of since) this.put({ taskId, agentId });
  }

  #noteChange(taskId: string): void {
    if (this.#unsaved.has(taskId)) return;
    this.#unsaved.set(taskId, this.#saving.has(taskId) || this.#all.has(taskId));
  }

  #forgetIfNeverSaved(taskId: string): void {
    if (!this.#all.has(taskId) && this.#unsaved.get(taskId) === false) this.#unsaved.delete(taskId);
  }
}
