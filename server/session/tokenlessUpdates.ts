import type { SessionEvent } from "./sessionEvent.js";

const REMEMBERED = 10_000;

interface TokenlessUpdate {
  readonly event: SessionEvent;
  /** Nothing more is expected of the task. */
  readonly over: boolean;
}

/**
 * The last update without an acknowledgement of each task, and of each operation by a key of its own: answers to
 * reconciliation, and what the master itself reports, such as TASK_LOST or OPERATION_ERROR. Mesos sends them once; so
 * those that no client has read are kept for the next one.
 */
export class TokenlessUpdates {
  /** In the order of their events. */
  readonly #updates = new Map<string, TokenlessUpdate>();

  /** The newest counts; the oldest are dropped beyond 10,000 tasks. */
  add(taskId: string, event: SessionEvent, over: boolean): void {
    this.#updates.delete(taskId);
    this.#updates.set(taskId, { event, over });
    if (this.#updates.size > REMEMBERED) {
      const [oldest] = this.#updates.keys();
      if (oldest !== undefined) this.#updates.delete(oldest);
    }
  }

  /** An update with a token came, which is newer. */
  overtaken(taskId: string): void {
    this.#updates.delete(taskId);
  }

  /** Forgets those that clients have read. Gives the tasks of which they know by them that they are over. */
  forgetRead(readSequence: number): string[] {
    const over: string[] = [];
    for (const [taskId, update] of this.#updates) {
      if (update.event.sequence > readSequence) break;
      this.#updates.delete(taskId);
      if (update.over) over.push(taskId);
    }
    return over;
  }

  /** Those that no client has read, in order. */
  events(): SessionEvent[] {
    return [...this.#updates.values()].map(({ event }) => event);
  }

  clear(): void {
    this.#updates.clear();
  }
}
