import { idMessage } from "../mesos/messages/calls.js";
import type { StatusView } from "../mesos/messages/events.js";
import type { TaskRecord } from "./frameworkStore.js";
import { ListedKeys } from "./listedKeys.js";

const REMEMBERED_ENDED_TASKS = 1_000;

/** `mesos.v1.TaskState`s after which a task does not run any more. */
const TERMINAL_STATES = new Set([
  2, // TASK_FINISHED
  3, // TASK_FAILED
  4, // TASK_KILLED
  5, // TASK_LOST
  7, // TASK_ERROR
  9, // TASK_DROPPED
  11, // TASK_GONE
  12, // TASK_GONE_BY_OPERATOR
]);

const TASK_UNKNOWN = 13;

export function isTerminal(state: number): boolean {
  return TERMINAL_STATES.has(state);
}

/**
 * True if nothing more is expected of a task: it has ended, or Mesos has never heard of it and of its agent. Should such
 * an agent turn up after all, Mesos reports its tasks, and they are restored.
 */
export function isOver(state: number): boolean {
  return isTerminal(state) || state === TASK_UNKNOWN;
}

export interface KnownTask {
  readonly taskId: string;
  readonly taskIdBytes: Uint8Array;
  readonly agentId: string;
  readonly agentIdBytes: Uint8Array;
  /** The last serialized `TaskStatus`; undefined until Mesos reported one. */
  readonly status: Uint8Array | undefined;
  readonly updateTimeMs: number;
  /** It has ended, or Mesos does not know it. */
  readonly ended: boolean;
  /** Mesos may not have it: its launch has no answer, or an earlier run of the bridge has launched it. */
  readonly unconfirmed: boolean;
  /** The client's own bytes; empty for none, and once the task is forgotten. */
  readonly cookie: Uint8Array;
}

const EMPTY = new Uint8Array(0);

/** Tasks of a framework that the bridge knows: all that have not ended, and the last that have. */
export class KnownTasks {
  readonly #active = new Map<string, KnownTask>();
  readonly #ended = new Map<string, KnownTask>();
  /** Those that have ended, and of whose end no client is known to know. */
  readonly #untold = new Map<string, KnownTask>();
  #snapshots = 0;
  readonly #listed = new ListedKeys(() => [...this.#ended.keys(), ...this.#active.keys()]);

  get size(): number {
    return this.#active.size + this.#ended.size;
  }

  get activeCount(): number {
    return this.#active.size;
  }

  active(): IterableIterator<KnownTask> {
    return this.#active.values();
  }

  /** How often clients were told of them. */
  get snapshots(): number {
    return this.#snapshots;
  }

  /** What a client that begins has to know: the tasks that have not ended, and those of whose end no client knows. */
  open(): KnownTask[] {
    this.#snapshots++;
    return [...this.#active.values(), ...this.#untold.values()];
  }

  /** The tasks after `taskId`, in the order of their ids; all tasks for undefined. They must not change while they are read. */
  *after(taskId: string | undefined): IterableIterator<KnownTask> {
    for (const id of this.#listed.after(taskId)) {
      const task = this.#active.get(id) ?? this.#ended.get(id);
      if (task) yield task;
    }
  }

  has(taskId: string): boolean {
    return this.#active.has(taskId);
  }

  /** Those of these tasks that have not ended. */
  *among(taskIds: Iterable<string>): IterableIterator<KnownTask> {
    for (const taskId of taskIds) {
      const task = this.#active.get(taskId);
      if (task) yield task;
    }
  }

  /** A task that has not ended. */
  find(taskId: string): KnownTask | undefined {
    return this.#active.get(taskId);
  }

  /** A task that is being launched, or that an earlier run of the bridge has launched. */
  launched({ taskId, agentId, cookie = EMPTY }: TaskRecord, timeMs: number): void {
    if (this.#active.has(taskId)) return;
    this.forget(taskId);
    this.#ended.delete(taskId);
    this.#active.set(taskId, {
      taskId,
      taskIdBytes: idMessage(taskId),
      agentId,
      agentIdBytes: agentId === "" ? EMPTY : idMessage(agentId),
      status: undefined,
      updateTimeMs: timeMs,
      ended: false,
      unconfirmed: true,
      cookie,
    });
    this.#listed.added(taskId);
  }

  /** Mesos has taken the launch. */
  taken(taskId: string): void {
    const task = this.#active.get(taskId);
    if (task?.unconfirmed) this.#active.set(taskId, { ...task, unconfirmed: false });
  }

  /** A launch that Mesos has not taken. */
  notLaunched(taskId: string): void {
    const task = this.#active.get(taskId);
    if (!task || task.status !== undefined) return;
    this.#active.delete(taskId);
    this.#listed.removed(taskId);
  }

  /** A client knows of a task's end. False if the task has not ended, as far as Mesos has said: then nothing is forgotten. */
  forget(taskId: string): boolean {
    if (this.#active.has(taskId)) return false;
    const task = this.#untold.get(taskId);
    this.#untold.delete(taskId);
    if (task && this.#ended.has(taskId)) this.#ended.set(taskId, { ...task, cookie: EMPTY });
    return true;
  }

  /** Mesos said something of a task. Gives what is known of it now. */
  updated(status: StatusView, timeMs: number): KnownTask {
    const active = this.#active.get(status.taskId);
    const known = active ?? this.#untold.get(status.taskId);
    const ended = isOver(status.state);
    const task: KnownTask = {
      taskId: status.taskId,
      taskIdBytes: status.taskIdBytes,
      agentId: status.agentId === "" ? (known?.agentId ?? "") : status.agentId,
      agentIdBytes: status.agentIdBytes.length === 0 ? (known?.agentIdBytes ?? EMPTY) : status.agentIdBytes,
      status: status.bytes,
      updateTimeMs: timeMs,
      ended,
      unconfirmed: false,
      cookie: known?.cookie ?? EMPTY,
    };
    if (ended) this.#end(task);
    else {
      this.#ended.delete(task.taskId);
      this.#untold.delete(task.taskId);
      this.#active.set(task.taskId, task);
    }
    if (!active) this.#listed.added(task.taskId);
    return task;
  }

  clear(): void {
    this.#active.clear();
    this.#ended.clear();
    this.#untold.clear();
    this.#listed.cleared();
  }

  #end(task: KnownTask): void {
    this.#active.delete(task.taskId);
    this.#untold.set(task.taskId, task);
    this.#ended.delete(task.taskId);
    this.#ended.set(task.taskId, task);
    if (this.#ended.size > REMEMBERED_ENDED_TASKS) {
      const [oldest] = this.#ended.keys();
      if (oldest === undefined) return;
      this.#ended.delete(oldest);
      this.#listed.removed(oldest);
    }
  }
}
