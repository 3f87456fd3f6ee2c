/** What becomes of a framework whose session's lease has run out. */
export type ExpiryPolicy = "disconnect" | "teardown";

/** What the bridge remembers of a framework, across its own restarts. */
export interface FrameworkRecord {
  readonly frameworkName: string;
  /** The Mesos framework id. Chosen by the bridge before it subscribes, or imported. */
  readonly frameworkId: string;
  /** Serialized `mesos.v1.FrameworkInfo`, defaults filled in, without `id`. */
  readonly frameworkInfo: Uint8Array;
  readonly suppressedRoles: readonly string[];
  /** Serialized `OfferConstraints`; empty for none. */
  readonly offerConstraints: Uint8Array;
  readonly leaseMs: number;
  readonly expiryPolicy: ExpiryPolicy;
  /** True while the bridge holds a session for it. */
  readonly open: boolean;
  /** When the client detached, in ms since 1970; undefined while one is attached. */
  readonly detachedAtMs: number | undefined;
}

/** A task that was launched and whose end is not known to be acknowledged. */
export interface TaskRecord {
  readonly taskId: string;
  readonly agentId: string;
  /** The client's own bytes; left out or empty for none. */
  readonly cookie?: Uint8Array;
}

/** A key of the state of a framework's scheduler. */
export interface StateEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Of the write that it is from: a positive whole number. */
  readonly version: number;
}

/** The state of a framework's scheduler, as it is to be: what is being committed is in it already. */
export interface StateView {
  readonly size: number;
  /** No key has a later version, nor has had one. */
  readonly version: number;
  find(key: string): StateEntry | undefined;
  /** In no order. Nothing may change while they are read. */
  keys(): Iterable<string>;
}

/** A change of a key: what it is from now on, or that it is gone. */
export type StateWrite = { readonly put: StateEntry } | { readonly remove: string };

/** What is committed together. */
export interface Changes {
  readonly putTasks?: readonly TaskRecord[];
  readonly removeTasks?: readonly string[];
  /** Each of another key. */
  readonly state?: readonly StateWrite[];
}

/** Bytes of cookies and state: of one framework, and of all. */
export interface ContentBytes {
  readonly framework: number;
  readonly all: number;
}

/** What is forgotten of a framework that another one takes the place of. */
export type Forgotten = "tasks" | "tasks and state";

/** Keeps frameworks through crashes. */
export interface FrameworkStore {
  /** All remembered frameworks, in the order of their names. */
  frameworks(): FrameworkRecord[];
  framework(frameworkName: string): FrameworkRecord | undefined;
  /** Resolves once the record is on the disk. Rejects if that can't be done: then nothing has changed. */
  put(record: FrameworkRecord): Promise<void>;
  /**
   * As `put`, of a framework that takes the place of another: what is under its name is forgotten with the same write.
   *
   * @param forgotten `tasks`: the same scheduler continues, and its state stays
   */
  replace(record: FrameworkRecord, forgotten: Forgotten): Promise<void>;
  /** Forgets a framework, its tasks and its state. Resolves once that is on the disk. */
  remove(frameworkName: string): Promise<void>;
  /** Says whether a change of a framework is to be stored still, after a write that failed. Until then the trouble is not over. */
  setOverdue(frameworkName: string, isOverdue: boolean): void;
  /**
   * Remembers tasks soon: it does not wait for the disk. What can't be written is kept, and written once that is
   * possible; the log says so.
   */
  putTasks(frameworkName: string, tasks: readonly TaskRecord[]): void;
  removeTask(frameworkName: string, taskId: string): void;
  /** Changes tasks and state together. Resolves once the disk shows it. Rejects if it can't be done: then nothing has changed. */
  commit(frameworkName: string, changes: Changes): Promise<void>;
  /** The same, of what must come about. Rejects if the disk does not show it: then it is written once that is possible. */
  commitInTime(frameworkName: string, changes: Changes): Promise<void>;
  tasks(frameworkName: string): TaskRecord[];
  state(frameworkName: string): StateView;
  /** How many bytes of cookies and state are kept or reserved. */
  contentBytes(frameworkName: string): ContentBytes;
  /** Has bytes count as kept, for what may have to be restored. Gives what ends that. */
  reserve(frameworkName: string, bytes: number): () => void;
  /** Rejects if something is not on the disk in the end. */
  close(): Promise<void>;
}
