import type { StateEntry, TaskRecord } from "../session/frameworkStore.js";
import type { EntryWriter } from "./entryWriter.js";
import { KeptItems, type Kind } from "./keptItems.js";

const NO_BYTES = new Uint8Array(0);

const TASKS: Kind<TaskRecord> = {
  keyOf: ({ taskId }) => taskId,
  bytesOf: ({ cookie = NO_BYTES }) => cookie.length,
  isSame: (one, other) => one.agentId === other.agentId && sameBytes(one.cookie, other.cookie),
};

const STATE: Kind<StateEntry> = {
  keyOf: ({ key }) => key,
  bytesOf: ({ key, value }) => key.length + value.length,
  isSame: (one, other) => one.version === other.version && sameBytes(one.value, other.value),
};

/** Tasks of one framework, as `KeptItems` has them. */
export class KeptTasks extends KeptItems<TaskRecord> {
  constructor() {
    super(TASKS);
  }

  override put({ taskId, agentId, cookie = NO_BYTES }: TaskRecord): void {
    // A caller's object may have more in it.
    super.put(cookie.length === 0 ? { taskId, agentId } : { taskId, agentId, cookie });
  }
}

/** The state of one framework's scheduler, and the last version that a key of it got. */
export class KeptState extends KeptItems<StateEntry> {
  #version = 0;

  constructor() {
    super(STATE);
  }

  /** No version of a key is larger. It stays when keys go, so that none is given twice. */
  get version(): number {
    return this.#version;
  }

  noteVersion(version: number): void {
    if (version > this.#version) this.#version = version;
  }

  override load(entry: StateEntry): void {
    this.noteVersion(entry.version);
    super.load(entry);
  }

  override put(entry: StateEntry): void {
    this.noteVersion(entry.version);
    super.put(entry);
  }
}

/** Changes that are being written. */
export interface Saving {
  /** True if nothing is among them but removals of tasks. */
  readonly onlyRemovals: boolean;
  /** Has to be told what became of them. */
  settle(written: boolean): void;
}

/** What is kept of a framework beside its record. */
export class KeptContent {
  #tasks = new KeptTasks();
  readonly state = new KeptState();
  /** Bytes that count though they are not there: what was there may have to be restored. */
  reserved = 0;

  get tasks(): KeptTasks {
    return this.#tasks;
  }

  get isEmpty(): boolean {
    return this.#tasks.isEmpty && this.state.isEmpty && this.state.version === 0;
  }

  get bytes(): number {
    return this.#tasks.bytes + this.state.bytes + this.reserved;
  }

  get hasUnsaved(): boolean {
    return this.#tasks.unsavedCount > 0 || this.state.unsavedCount > 0;
  }

  /** Writes all changes. */
  save(frameworkName: string, out: EntryWriter): Saving {
    const tasks = this.#tasks;
    const { state } = this;
    const hasState = state.unsavedCount > 0;
    const hasTasks = tasks.save({
      put: (records) => out.putTasks(frameworkName, records),
      remove: (taskIds) => out.removeTasks(frameworkName, taskIds),
    });
    state.save({
      put: (entries) => out.putState(frameworkName, state.version, entries),
      remove: (keys) => out.removeState(frameworkName, state.version, keys),
    });
    const settle = (written: boolean) => {
      tasks.settle(written);
      state.settle(written);
    };
    return { onlyRemovals: !hasTasks && !hasState, settle };
  }

  /** Takes the tasks away. */
  putTasksAside(): KeptTasks {
    const aside = this.#tasks;
    this.#tasks = new KeptTasks();
    return aside;
  }

  takeBack(aside: KeptContent): void {
    this.#tasks.takeBack(aside.#tasks);
    this.state.noteVersion(aside.state.version);
    this.state.takeBack(aside.state);
  }
}

function sameBytes(one: Uint8Array = NO_BYTES, other: Uint8Array = NO_BYTES): boolean {
  return one.length === other.length && (one === other || Buffer.compare(one, other) === 0);
}
