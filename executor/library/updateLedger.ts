import { type Call_Subscribe, Call_Update, type Event } from "../../gen/mesos/v1/executor/executor.js";
import type { TaskInfo, TaskStatus } from "../../gen/mesos/v1/mesos.js";
import { PatientTimer } from "../../wire/patientTimer.js";

/**
 * What the agent has not acknowledged yet. A later SUBSCRIBE has to name it: the agent takes the updates
 * as if they had just come, and reports a task that it delivered and that is not named as lost.
 *
 * A task counts as acknowledged once any update of it is, as in Mesos's own library.
 */
export class UpdateLedger {
  readonly #tasks = new Map<string, TaskInfo>();
  readonly #updates = new Map<string, Call_Update>();
  readonly #waiting = new Set<() => void>();

  /** How many updates are not acknowledged. */
  get size(): number {
    return this.#updates.size;
  }

  /** Notes the tasks that an event launches, and the update that it acknowledges. */
  note(event: Event): void {
    if (event.launch?.task) this.#addTask(event.launch.task);
    for (const task of event.launchGroup?.taskGroup?.tasks ?? []) this.#addTask(task);
    const { acknowledged } = event;
    if (acknowledged) this.#acknowledge(acknowledged.taskId?.value ?? "", acknowledged.uuid);
  }

  addUpdate(status: TaskStatus): Call_Update {
    const update = Call_Update.create({ status });
    this.#updates.set(key(status.uuid), update);
    return update;
  }

  /** For a SUBSCRIBE call: tasks and updates in the order in which they came up. */
  snapshot(): Call_Subscribe {
    return { unacknowledgedTasks: [...this.#tasks.values()], unacknowledgedUpdates: [...this.#updates.values()] };
  }

  /** Resolves when nothing waits for an acknowledgement any more, or after `timeoutMs`, or when `signal` is aborted. */
  async untilEmpty(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#updates.size === 0 || signal?.aborted) return;
    await new Promise<void>((resolve) => {
      const finish = () => {
        timer.stop();
        signal?.removeEventListener("abort", finish);
        this.#waiting.delete(finish);
        resolve();
      };
      const timer = new PatientTimer(finish);
      timer.start(timeoutMs);
      this.#waiting.add(finish);
      signal?.addEventListener("abort", finish, { once: true });
    });
  }

  #addTask(task: TaskInfo): void {
    this.#tasks.set(task.taskId?.value ?? "", task);
  }

  /** Acknowledgements that come twice are normal. */
  #acknowledge(taskId: string, uuid: Uint8Array | undefined): void {
    this.#tasks.delete(taskId);
    this.#updates.delete(key(uuid));
    if (this.#updates.size > 0) return;
    for (const resolve of [...this.#waiting]) resolve();
  }
}

function key(uuid: Uint8Array | undefined): string {
  return Buffer.from(uuid ?? []).toString("hex");
}
