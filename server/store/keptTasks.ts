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
  readonly #all = new Map<string, TaskRecord>();
  #unsaved: Changes = new Map();
  /** What is being written now. */
  #saving: Changes = new Map();
  #cookieBytes = 0;

  get isEmpty(): boolean {
    return this.#all.size === 0 && this.#unsaved.size === 0 && this.#saving.size === 0;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Bytes of all cookies. */
  get cookieBytes(): number {
    return this.#cookieBytes;
  }

  get unsavedCount(): number {
    return this.#unsaved.size;
  }

  /** Takes what a file holds. */
  load(task: TaskRecord): void {
    this.#set(task);
  }

  /** The same of a task that a file does not hold any more. */
  unload(taskId: string): void {
    this.#delete(taskId);
  }

  find(taskId: string): TaskRecord | undefined {
    return this.#all.get(taskId);
  }

  put(task: TaskRecord): void {
    const { taskId } = task;
    const known = this.#all.get(taskId);
    if (known && known.agentId === task.agentId && sameBytes(known.cookie, task.cookie)) return;
    this.#noteChange(taskId);
    this.#set(task);
  }

  remove(taskId: string): void {
    if (!this.#all.has(taskId)) return;
    this.#noteChange(taskId);
    this.#delete(taskId);
    this.#forgetIfNeverSaved(taskId);
  }

  list(): TaskRecord[] {
    return [...this.#all.values()];
  }

  /** What a copy of the file may hold: not what would have to be removed from it again if it were dropped here. */
  *saved(): Generator<TaskRecord> {
    for (const [taskId, task] of this.#all) {
      if (this.#unsaved.get(taskId) !== false && this.#saving.get(taskId) !== false) yield task;
    }
  }

  /** Writes all changes. Then `settle` has to be told what became of them. True if there are others than removals. */
  save(frameworkName: string, out: EntryWriter): boolean {
    this.#saving = this.#unsaved;
    this.#unsaved = new Map();
    const put: TaskRecord[] = [];
    const removed: string[] = [];
    for (const taskId of this.#saving.keys()) {
      const task = this.#all.get(taskId);
      if (task === undefined) removed.push(taskId);
      else put.push(task);
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
    const since = this.list();
    this.#all.clear();
    this.#cookieBytes = 0;
    this.#unsaved = aside.#unsaved;
    for (const [taskId, task] of aside.#all) {
      this.#set(task);
      if (!this.#unsaved.has(taskId)) this.#unsaved.set(taskId, true);
    }
    for (const task of since) this.put(task);
  }

  #set(task: TaskRecord): void {
    this.#delete(task.taskId);
    this.#all.set(task.taskId, kept(task));
    this.#cookieBytes += task.cookie?.length ?? 0;
  }

  #delete(taskId: string): void {
    this.#cookieBytes -= this.#all.get(taskId)?.cookie?.length ?? 0;
    this.#all.delete(taskId);
  }

  #noteChange(taskId: string): void {
    if (this.#unsaved.has(taskId)) return;
    this.#unsaved.set(taskId, this.#saving.has(taskId) || this.#all.has(taskId));
  }

  #forgetIfNeverSaved(taskId: string): void {
    if (!this.#all.has(taskId) && this.#unsaved.get(taskId) === false) this.#unsaved.delete(taskId);
  }
}

/** What is kept of a task: a caller's object may have more in it. */
function kept({ taskId, agentId, cookie }: TaskRecord): TaskRecord {
  return cookie === undefined || cookie.length === 0 ? { taskId, agentId } : { taskId, agentId, cookie };
}

const NO_BYTES = new Uint8Array(0);

function sameBytes(one: Uint8Array = NO_BYTES, other: Uint8Array = NO_BYTES): boolean {
  return one.length === other.length && (one === other || Buffer.compare(one, other) === 0);
}
