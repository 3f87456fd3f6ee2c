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
}

/** Tasks of a framework that the bridge knows: all that have not ended, and the last that have. */
export class KnownTasks {
  readonly #active = new Map<string, KnownTask>();
  readonly #ended = new Map<string, KnownTask>();
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

  /** A task that has not ended. */
  find(taskId: string): KnownTask | undefined {
    return this.#active.get(taskId);
  }

  /** A task that is being launched, or that an earlier run of the bridge has launched. */
  launched({ taskId, agentId }: TaskRecord, timeMs: number): void {
    if (this.#active.has(taskId)) return;
    this.#ended.delete(taskId);
    this.#active.set(taskId, {
      taskId,
      taskIdBytes: idMessage(taskId),
      agentId,
      agentIdBytes: agentId === "" ? new Uint8Array(0) : idMessage(agentId),
      status: undefined,
      updateTimeMs: timeMs,
      ended: false,
    });
    this.#listed.added(taskId);
  }

  /** A launch that Mesos has not taken. */
  notLaunched(taskId: string): void {
    const task = this.#active.get(taskId);
    if (!task || task.status !== undefined) return;
    this.#active.delete(taskId);
    this.#listed.removed(taskId);
  }

  updated(status: StatusView, timeMs: number): void {
    const known = this.#active.get(status.taskId);
    const ended = isOver(status.state);
    const task: KnownTask = {
      taskId: status.taskId,
      taskIdBytes: status.taskIdBytes,
      agentId: status.agentId === "" ? (known?.agentId ?? "") : status.agentId,
      agentIdBytes: status.agentIdBytes.length === 0 ? (known?.agentIdBytes ?? new Uint8Array(0)) : status.agentIdBytes,
      status: status.bytes,
      updateTimeMs: timeMs,
      ended,
    };
    if (ended) this.#end(task);
    else {
      this.#ended.delete(task.taskId);
      this.#active.set(task.taskId, task);
    }
    if (!known) this.#listed.added(task.taskId);
  }

  clear(): void {
    this.#active.clear();
    this.#ended.clear();
    this.#listed.cleared();
  }

  #end(task: KnownTask): void {
    this.#active.delete(task.taskId);
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
