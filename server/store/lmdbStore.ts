import { mkdirSync } from "node:fs";
import { type Database, open, type RootDatabase } from "lmdb";
import type { Log } from "../log.js";
import type { FrameworkRecord, FrameworkStore, TaskRecord } from "../session/frameworkStore.js";

/** Task keys: framework name, task id. */
type TaskKey = [string, string];

/** Keeps frameworks in an LMDB environment in `dataDir`. */
export class LmdbStore implements FrameworkStore {
  readonly #root: RootDatabase;
  readonly #frameworks: Database<FrameworkRecord, string>;
  readonly #tasks: Database<string, TaskKey>;
  readonly #log: Log;

  /** @throws Error if the directory can't be made, written or read. */
  constructor(dataDir: string, log: Log) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    this.#log = log;
    this.#root = open({ path: `${dataDir}/frameworks.mdb`, noSubdir: true, maxDbs: 8 });
    this.#frameworks = this.#root.openDB({ name: "frameworks" });
    this.#tasks = this.#root.openDB({ name: "tasks" });
  }

  frameworks(): FrameworkRecord[] {
    return [...this.#frameworks.getRange({})].map((entry) => owned(entry.value));
  }

  framework(frameworkName: string): FrameworkRecord | undefined {
    const record = this.#frameworks.get(frameworkName);
    return record && owned(record);
  }

  async put(record: FrameworkRecord): Promise<void> {
    await this.#frameworks.put(record.frameworkName, record);
    await this.#root.flushed;
  }

  async remove(frameworkName: string): Promise<void> {
    const removals = this.#taskKeys(frameworkName).map((key) => this.#tasks.remove(key));
    await Promise.all([...removals, this.#frameworks.remove(frameworkName)]);
    await this.#root.flushed;
  }

  putTasks(frameworkName: string, tasks: readonly TaskRecord[]): void {
    for (const { taskId, agentId } of tasks) {
      this.#tasks.put([frameworkName, taskId], agentId).catch((error: unknown) => this.#failed(frameworkName, error));
    }
  }

  removeTask(frameworkName: string, taskId: string): void {
    this.#tasks.remove([frameworkName, taskId]).catch((error: unknown) => this.#failed(frameworkName, error));
  }

  tasks(frameworkName: string): TaskRecord[] {
    return this.#taskKeys(frameworkName).map((key) => ({ taskId: key[1], agentId: this.#tasks.get(key) ?? "" }));
  }

  async close(): Promise<void> {
    await this.#root.flushed;
    await this.#root.close();
  }

  #taskKeys(frameworkName: string): TaskKey[] {
    const keys: TaskKey[] = [];
    for (const key of this.#tasks.getKeys({ start: [frameworkName, ""] })) {
      if (key[0] !== frameworkName) break;
      keys.push(key);
    }
    return keys;
  }

  #failed(frameworkName: string, error: unknown): void {
    this.#log.error({ framework: frameworkName, err: error }, "a task could not be remembered");
  }
}

/** The record with bytes of its own: what LMDB hands out may lie in memory that it uses again. */
function owned(record: FrameworkRecord): FrameworkRecord {
  return {
    ...record,
    frameworkInfo: Buffer.from(record.frameworkInfo),
    offerConstraints: Buffer.from(record.offerConstraints),
  };
}
