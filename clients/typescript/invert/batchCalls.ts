import { BridgeError } from "../library/errors.js";
import type { Scheduler } from "../library/scheduler.js";
import type { ImageTask } from "./image.js";

/** Unused resources are refused for a while: the batch asks when it needs more. */
const REFUSE_SECONDS = 3_600;
/** A call that waits for a master delays the event with the reason, so it is repeated once there is a master. */
const CALL = { deadlineMs: 10_000 };

export interface BatchCallsOptions {
  scheduler: Scheduler;
  /** Whether the bridge has a master, as far as the events tell. */
  isLinked: () => boolean;
  /** Told of each call that failed. */
  onFailed: (error: BridgeError) => void;
}

/**
 * What a batch asks Mesos for. But for launches, a call that fails is told, and no reason to end: what matters is asked
 * for again. Without a bridge or a master nothing is asked for: there is nobody to hear it.
 */
export class BatchCalls {
  readonly #options: BatchCallsOptions;
  /** Tasks that were killed already. */
  readonly #killed = new Set<string>();
  /** Whether offers are wanted, as Mesos knows it; undefined while that is not known. */
  #demand: boolean | undefined;
  #asking = false;

  constructor(options: BatchCallsOptions) {
    this.#options = options;
  }

  get possible(): boolean {
    return this.#options.scheduler.attached && this.#options.isLinked();
  }

  /** @throws BridgeError: nothing was launched, or with `outcomeUnknown` perhaps */
  async launch(offerId: string, tasks: Parameters<Scheduler["launchTasks"]>[0]["tasks"]): Promise<void> {
    const filters = { refuseSeconds: REFUSE_SECONDS };
    await this.#options.scheduler.launchTasks({ offerIds: [{ value: offerId }], tasks, filters }, CALL);
  }

  async decline(offerIds: readonly string[]): Promise<void> {
    if (offerIds.length === 0 || !this.possible) return;
    await this.#try((scheduler) => scheduler.declineOffers(offerIds, REFUSE_SECONDS, CALL));
  }

  /** Asks what became of tasks. The answers are updates. */
  async reconcile(tasks: readonly ImageTask[]): Promise<void> {
    if (tasks.length === 0 || !this.possible) return;
    const asked = tasks.map(({ id, agentId }) => ({ taskId: { value: id }, agentId: { value: agentId } }));
    await this.#try((scheduler) => scheduler.reconcileTasks(asked, CALL));
  }

  /** Kills a task, once. */
  async kill(taskId: string, agentId: string | undefined): Promise<void> {
    if (this.#killed.has(taskId)) return;
    this.#killed.add(taskId);
    const agent = agentId === undefined ? {} : { agentId: { value: agentId } };
    const killed = await this.#try((scheduler) => scheduler.killTask({ taskId: { value: taskId }, ...agent }, CALL));
    if (!killed) this.#killed.delete(taskId);
  }

  /** Asks for offers, or for none, unless that was the last thing asked for. */
  async demand(wanted: boolean): Promise<void> {
    if (this.#demand === wanted || this.#asking || !this.possible) return;
    this.#asking = true;
    try {
      const asked = await this.#try((scheduler) =>
        wanted ? scheduler.reviveOffers([], CALL) : scheduler.suppressOffers([], CALL),
      );
      if (asked) this.#demand = wanted;
    } finally {
      this.#asking = false;
    }
  }

  /** With a new attachment nothing is known about it. */
  forgetDemand(): void {
    this.#demand = undefined;
  }

  async #try(call: (scheduler: Scheduler) => Promise<void>): Promise<boolean> {
    try {
      await call(this.#options.scheduler);
      return true;
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      this.#options.onFailed(error);
      return false;
    }
  }
}
