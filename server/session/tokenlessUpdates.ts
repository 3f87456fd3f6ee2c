import type { SessionEvent } from "./sessionEvent.js";

const REMEMBERED = 10_000;

/**
 * The last update without an acknowledgement of each task: answers to reconciliation, and what the master
 * itself reports, such as TASK_LOST. Mesos sends them once; so those that no client has read are kept for the next one.
 */
export class TokenlessUpdates {
  readonly #updates = new Map<string, SessionEvent>();

  /** The newest counts; the oldest are dropped beyond 10,000 tasks. */
  add(taskId: string, event: SessionEvent): void {
    this.#updates.delete(taskId);
    this.#updates.set(taskId, event);
    if (this.#updates.size > REMEMBERED) {
      const [oldest] = this.#updates.keys();
      if (oldest !== undefined) this.#updates.delete(oldest);
    }
  }

  /** An update with a token came, which is newer. */
  overtaken(taskId: string): void {
    this.#updates.delete(taskId);
  }

  /** Those that came after `readSequence`, in order; the others are forgotten. */
  unread(readSequence: number): SessionEvent[] {
    for (const [taskId, event] of this.#updates) if (event.sequence <= readSequence) this.#updates.delete(taskId);
    return [...this.#updates.values()];
  }

  clear(): void {
    this.#updates.clear();
  }
}
