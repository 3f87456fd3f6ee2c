import type { SessionEvent } from "./sessionEvent.js";

const REMEMBERED = 10_000;

interface UpdateWithoutToken {
  readonly event: SessionEvent;
  /** Nothing more is expected of the task. */
  readonly over: boolean;
}

/**
 * The last update without an acknowledgement of each task and of each operation: answers to reconciliation, and what the
 * master itself reports, such as TASK_LOST or OPERATION_ERROR. Mesos sends them once; so those that no client has read are
 * kept for the next one.
 */
export class UpdatesWithoutToken {
  /** Apart from each other, so that many tasks don't drive out an operation, of which Mesos may know no more. */
  readonly #tasks = new Unread();
  readonly #operations = new Unread();

  /** How many were dropped that no client has read: beyond 10,000 tasks, and as many operations, the oldest go. */
  get dropped(): { readonly tasks: number; readonly operations: number } {
    return { tasks: this.#tasks.dropped, operations: this.#operations.dropped };
  }

  /** The newest of a task counts. True if an older update of another one had to go, as the first since all were read. */
  addTask(taskId: string, event: SessionEvent, over: boolean): boolean {
    return this.#tasks.add(taskId, { event, over });
  }

  /** The same of an operation. */
  addOperation(operationId: string, event: SessionEvent): boolean {
    return this.#operations.add(operationId, { event, over: false });
  }

  /** An update of the task with a token came, which is newer. */
  taskOvertaken(taskId: string): void {
    this.#tasks.delete(taskId);
  }

  operationOvertaken(operationId: string): void {
    this.#operations.delete(operationId);
  }

  hasTask(taskId: string): boolean {
    return this.#tasks.has(taskId);
  }

  /** Forgets those that clients have read. Gives the tasks of which they know by them that they are over. */
  forgetRead(readSequence: number): string[] {
    this.#operations.forgetRead(readSequence);
    return this.#tasks.forgetRead(readSequence);
  }

  /** Mesos is asked again for what was dropped. */
  forgetDropped(): void {
    this.#tasks.forgetDropped();
    this.#operations.forgetDropped();
  }

  /** Those that no client has read, in order. */
  events(): SessionEvent[] {
    const events = [...this.#tasks.events(), ...this.#operations.events()];
    return events.sort((a, b) => a.sequence - b.sequence);
  }

  clear(): void {
    this.#tasks.clear();
    this.#operations.clear();
  }
}

/** The newest updates of 10,000 tasks or operations. */
class Unread {
  /** In the order of their events. */
  readonly #updates = new Map<string, UpdateWithoutToken>();
  dropped = 0;
  /** The sequence of the newest that was dropped. */
  #droppedUpTo = 0;

  add(id: string, update: UpdateWithoutToken): boolean {
    this.#updates.delete(id);
    this.#updates.set(id, update);
    if (this.#updates.size <= REMEMBERED) return false;
    const [oldest] = this.#updates;
    if (oldest === undefined) return false;
    this.#updates.delete(oldest[0]);
    this.#droppedUpTo = oldest[1].event.sequence;
    this.dropped++;
    return this.dropped === 1;
  }

  delete(id: string): void {
    this.#updates.delete(id);
  }

  has(id: string): boolean {
    return this.#updates.has(id);
  }

  forgetRead(readSequence: number): string[] {
    // A client that has read this far has read the older ones from its stream, although they are not kept here.
    if (readSequence >= this.#droppedUpTo) this.dropped = 0;
    const over: string[] = [];
    for (const [id, update] of this.#updates) {
      if (update.event.sequence > readSequence) break;
      this.#updates.delete(id);
      if (update.over) over.push(id);
    }
    return over;
  }

  forgetDropped(): void {
    this.dropped = 0;
  }

  *events(): IterableIterator<SessionEvent> {
    for (const { event } of this.#updates.values()) yield event;
  }

  clear(): void {
    this.#updates.clear();
    this.dropped = 0;
  }
}
