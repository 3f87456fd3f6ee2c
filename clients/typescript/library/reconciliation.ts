import { randomUUID } from "node:crypto";
import type { TaskStatus } from "../../../gen/mesos/v1/mesos.js";
import type { CallSettings } from "./calls.js";
import type { SchedulerEvent } from "./events.js";
import type { Scheduler } from "./scheduler.js";

/** Until all is known it asks again that soon, in ms, since Mesos leaves questions without an answer. */
const IMPATIENT_MS = 1_000;

/**
 * Asks Mesos for all tasks of a framework, and knows when it has told of all. Mesos answers in order, and about a task
 * that it does not know only once all agents of before a failover are back. So a question about such a task stands
 * before and after the one about all: once both are answered, none is missing. The bridge lists those two from then on.
 */
export class Reconciliation {
  readonly #scheduler: Scheduler;
  readonly #everyMs: number;
  /** Tells its questions from those of another process, whose answers may come here. */
  readonly #own = randomUUID();
  /** When the question was asked whose first probe was answered last. */
  #before = "";
  #askedMs = 0;
  #complete = false;

  /** @param everyMs  how long after an answer it is time to ask again, in ms. Default 30,000 */
  constructor(scheduler: Scheduler, everyMs = 30_000) {
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
    const probe = (place: string) => ({ taskId: { value: `${place}.${this.#own}.${nowMs}` } });
    const own = Array.from(tasks, ({ id, agentId }) => ({ taskId: { value: id }, agentId: { value: agentId } }));
    const known = this.#complete ? own : [...own, probe("before")];
    if (known.length > 0) await this.#scheduler.reconcileTasks(known, settings);
    await this.#scheduler.reconcileTasks([], settings);
    if (!this.#complete) await this.#scheduler.reconcileTasks([probe("after")], settings);
  }

  /** Takes each event: some make it time to ask, and an update may be an answer. */
  onEvent(event: SchedulerEvent): void {
    if (event.kind === "opened" || event.kind === "subscribed" || event.kind === "gap") this.soon();
    if (event.kind === "update") this.#onUpdate(event.status);
  }

  #onUpdate({ taskId }: TaskStatus): void {
    const [place, own, asked = ""] = (taskId?.value ?? "").split(".");
    if (own !== this.#own) return;
    if (place === "before") this.#before = asked;
    else if (asked === this.#before) this.#complete = true;
  }
}
