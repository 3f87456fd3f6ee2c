import type { TaskStatus } from "../../../gen/mesos/v1/mesos.js";
import type { CallSettings } from "./calls.js";
import type { Scheduler } from "./scheduler.js";

/** Until all is known it asks again that soon, in ms, since Mesos leaves questions without an answer. */
const IMPATIENT_MS = 1_000;

/**
 * Asks Mesos for all tasks of a framework, and knows when it has told of all. Mesos answers in order, and about a task
 * that it does not know only once all agents of before a failover are back. So a question about such a task stands
 * before and after the one about all: once both are answered, none is missing.
 */
export class Reconciliation {
  readonly #scheduler: Scheduler;
  readonly #everyMs: number;
  readonly #open = new Set<string>();
  #askedMs = 0;
  #complete = false;

  /** @param everyMs  how long after an answer it is time to ask again, in ms */
  constructor(scheduler: Scheduler, everyMs: number) {
    this.#scheduler = scheduler;
    this.#everyMs = everyMs;
  }

  /** Whether Mesos has told of all tasks that there were. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Makes it time to ask. */
  soon(): void {
    this.#askedMs = 0;
  }

  isDue(nowMs: number): boolean {
    return nowMs - this.#askedMs >= (this.#complete ? this.#everyMs : IMPATIENT_MS);
  }

  /** Asks for all tasks, and for those that are thought to be there. @throws BridgeError */
  async ask(tasks: Iterable<{ id: string; agentId: string }>, nowMs: number, settings?: CallSettings): Promise<void> {
    this.#askedMs = nowMs;
    this.#open.clear();
    const [before, after] = [`none-before-${nowMs}`, `none-after-${nowMs}`];
    this.#open.add(before).add(after);
    const own = Array.from(tasks, ({ id, agentId }) => ({ taskId: { value: id }, agentId: { value: agentId } }));
    await this.#scheduler.reconcileTasks([...own, { taskId: { value: before } }], settings);
    await this.#scheduler.reconcileTasks([], settings);
    await this.#scheduler.reconcileTasks([{ taskId: { value: after } }], settings);
  }

  /** Takes each update: it may be an answer. */
  onUpdate({ taskId }: TaskStatus): void {
    if (this.#open.delete(taskId?.value ?? "") && this.#open.size === 0) this.#complete = true;
  }
}
