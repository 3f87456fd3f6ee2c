import { existsSync } from "node:fs";
import { type Database, open, type RootDatabase } from "lmdb";
import type { Log } from "../log.js";
import type { FrameworkRecord, FrameworkStore, TaskRecord } from "../session/frameworkStore.js";
import { prepareDatabase } from "./prepareDatabase.js";

/** Who writes to a data directory. */
export interface Owner {
  readonly id: string;
  /** For people: what it is, as `the bridge`. */
  readonly what: string;
  readonly pid: number;
  readonly sinceMs: number;
  /** A socket that is listened on for as long as the owner lives, relative to the directory where it lies there. */
  readonly socket: string;
}

/** Task keys: framework name, task id. */
type TaskKey = [string, string];

const FILE = "frameworks.mdb";
const OWNER = "owner";

/** True if a bridge has kept frameworks in this directory. */
export function holdsFrameworks(dataDir: string): boolean {
  return existsSync(`${dataDir}/${FILE}`);
}

/** Keeps frameworks in an LMDB environment in `dataDir`. Several processes may have it open. */
export class LmdbStore implements FrameworkStore {
  readonly #root: RootDatabase;
  readonly #frameworks: Database<FrameworkRecord, string>;
  readonly #tasks: Database<string, TaskKey>;
  /** Who may write. */
  readonly #owners: Database<Owner, string>;
  readonly #log: Log;
  /** Settles when the last change to tasks is committed. Never rejects. */
  #lastChange: Promise<void> = Promise.resolve();

  /** @throws Error if the directory can't be made, written or read. */
  constructor(dataDir: string, log: Log) {
    const path = `${dataDir}/${FILE}`;
    prepareDatabase(path);
    this.#log = log;
    // With batches by turn of the event loop, a commit that fails also rejects a promise of the library's own, which
    // nobody can take: a full disk would end the process.
    this.#root = open({ path, noSubdir: true, maxDbs: 8, eventTurnBatching: false });
    this.#frameworks = this.#root.openDB({ name: "frameworks" });
    this.#tasks = this.#root.openDB({ name: "tasks" });
    this.#owners = this.#root.openDB({ name: "owners" });
  }

  frameworks(): FrameworkRecord[] {
    return [...this.#frameworks.getRange({})].map((entry) => owned(entry.value));
  }

  framework(frameworkName: string): FrameworkRecord | undefined {
    const record = this.#frameworks.get(frameworkName);
    return record && owned(record);
  }

  async put(record: FrameworkRecord): Promise<void> {
    await committed(this.#frameworks.put(record.frameworkName, record));
    await this.#root.flushed;
  }

  replace(record: FrameworkRecord): Promise<void> {
    const { frameworkName } = record;
    return this.#withoutTasks(frameworkName, () => this.#frameworks.put(frameworkName, record));
  }

  remove(frameworkName: string): Promise<void> {
    return this.#withoutTasks(frameworkName, () => this.#frameworks.remove(frameworkName));
  }

  async #withoutTasks(frameworkName: string, write: () => Promise<unknown>): Promise<void> {
    // Keys that are not committed yet are not among those that are read.
    await this.#lastChange;
    const removals = this.#taskKeys(frameworkName).map((key) => this.#tasks.remove(key));
    await Promise.all([...removals, write()].map(committed));
    await this.#root.flushed;
  }

  putTasks(frameworkName: string, tasks: readonly TaskRecord[]): void {
    for (const { taskId, agentId } of tasks) {
      this.#later(frameworkName, () => this.#tasks.put([frameworkName, taskId], agentId));
    }
  }

  removeTask(frameworkName: string, taskId: string): void {
    this.#later(frameworkName, () => this.#tasks.remove([frameworkName, taskId]));
  }

  tasks(frameworkName: string): TaskRecord[] {
    return this.#taskKeys(frameworkName).map((key) => ({ taskId: key[1], agentId: this.#tasks.get(key) ?? "" }));
  }

  /**
   * Makes `owner` the holder, if there is none or it is the one with id `gone`. Gives the holder that is in the way,
   * or undefined.
   */
  claim(owner: Owner, gone: string | undefined): Owner | undefined {
    return this.#root.transactionSync(() => {
      const holder = this.#owners.get(OWNER);
      if (holder && holder.id !== gone) return holder;
      this.#owners.putSync(OWNER, owner);
      return undefined;
    });
  }

  /** Ends what `claim` began, if `id` still holds the directory. */
  async release(id: string): Promise<void> {
    this.#root.transactionSync(() => {
      if (this.#owners.get(OWNER)?.id === id) this.#owners.removeSync(OWNER);
    });
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

  #later(frameworkName: string, write: () => Promise<unknown>): void {
    const failed = (error: unknown) => {
      this.#log.error({ framework: frameworkName, err: error }, "a task could not be remembered");
    };
    try {
      this.#lastChange = committed(write()).catch(failed);
    } catch (error) {
      // A key that is too long is refused at once. Mesos takes no such task id either.
      failed(error);
    }
  }
}

/** A write, which fails with what the system says: the library only says that a commit failed, and keeps the reason apart. */
async function committed(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    const reason = error instanceof Error && "commitError" in error ? await rejectionOf(error.commitError) : undefined;
    throw reason ?? error;
  }
}

async function rejectionOf(promise: unknown): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (reason) {
    return reason;
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
