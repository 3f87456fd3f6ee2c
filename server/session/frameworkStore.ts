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

/** Bytes of cookies: of the tasks of one framework, and of all tasks. */
export interface CookieBytes {
  readonly framework: number;
  readonly all: number;
}

/** Keeps frameworks through crashes. */
export interface FrameworkStore {
  /** All remembered frameworks, in the order of their names. */
  frameworks(): FrameworkRecord[];
  framework(frameworkName: string): FrameworkRecord | undefined;
  /** Resolves once the record is on the disk. Rejects if that can't be done: then nothing has changed. */
  put(record: FrameworkRecord): Promise<void>;
  /** As `put`, of a framework that takes the place of another: the tasks under its name are forgotten with the same write. */
  replace(record: FrameworkRecord): Promise<void>;
  /** Forgets a framework and its tasks. Resolves once that is on the disk. */
  remove(frameworkName: string): Promise<void>;
  /** Says whether a change of a framework is to be stored still, after a write that failed. Until then the trouble is not over. */
  setOverdue(frameworkName: string, isOverdue: boolean): void;
  /**
   * Remembers tasks soon: it does not wait for the disk. What can't be written is kept, and written once that is
   * possible; the log says so.
   */
  putTasks(frameworkName: string, tasks: readonly TaskRecord[]): void;
  removeTask(frameworkName: string, taskId: string): void;
  /** Remembers tasks. Resolves once they are on the disk. Rejects if that can't be done: then nothing has changed. */
  commitTasks(frameworkName: string, tasks: readonly TaskRecord[]): Promise<void>;
  /** Forgets tasks. Resolves once the disk shows it. Rejects if it does not: then it is written once that is possible. */
  commitRemovals(frameworkName: string, taskIds: readonly string[]): Promise<void>;
  tasks(frameworkName: string): TaskRecord[];
  /** How many bytes of cookies are kept. */
  cookieBytes(frameworkName: string): CookieBytes;
  /** Rejects if something is not on the disk in the end. */
  close(): Promise<void>;
}
