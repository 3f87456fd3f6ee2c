import type { Offer } from "../../../gen/mesos/v1/mesos.js";
import { BridgeError } from "./errors.js";
import type { SchedulerEvent } from "./events.js";
import { troubleLine } from "./program.js";
import type { Scheduler } from "./scheduler.js";

/** A call that waits for a master delays the event with the reason, so it is repeated once there is a master. */
export const PATIENT_CALL = { deadlineMs: 10_000 };

type Launch = Parameters<Scheduler["launchTasks"]>[0];
type Filters = { refuseSeconds: number };

/** `unknown`: perhaps the tasks run. `not now`: another try may succeed. `refused`: it would be refused again. */
export type LaunchOutcome = "launched" | "unknown" | "not now" | "refused";

/** Calls of a scheduler that lives on when one fails: it is told, and made again when there is reason to. */
export class PatientCalls {
  readonly #scheduler: Scheduler;
  readonly #say: (line: string) => void;
  #linked = false;
  /** Whether offers are wanted, as Mesos knows it; undefined while that is not known. */
  #demand: boolean | undefined;

  constructor(scheduler: Scheduler, say: (line: string) => void) {
    this.#scheduler = scheduler;
    this.#say = say;
  }

  /** Whether there is a bridge, and it has a master. */
  get possible(): boolean {
    return this.#scheduler.attached && this.#linked;
  }

  /** Takes each event: some report on the bridge and its master. Trouble is told. */
  onEvent(event: SchedulerEvent): void {
    const trouble = troubleLine(event);
    if (trouble !== undefined) this.#say(trouble);
    if (event.kind === "opened" || event.kind === "link-changed") this.#linked = event.linked;
    if (event.kind === "opened" || event.kind === "subscribed") this.#demand = undefined;
  }

  /** Makes a call. Gives why Mesos did not take it; undefined when it did. */
  async try(call: (it: Scheduler) => Promise<unknown>): Promise<BridgeError | undefined> {
    try {
      await call(this.#scheduler);
      return undefined;
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      if (error.reason !== "OFFER_GONE") this.#say(`a call failed: ${error.message}`);
      return error;
    }
  }

  /** Launches tasks on an offer. One that was not taken for another reason is declined, so that it comes again. */
  async launch(offer: Offer, tasks: Launch["tasks"], filters: Filters): Promise<LaunchOutcome> {
    const request = { offerIds: [offer.id ?? {}], tasks, filters };
    const error = await this.try((it) => it.launchTasks(request, PATIENT_CALL));
    if (error === undefined) return "launched";
    if (error.outcomeUnknown) return "unknown";
    if (error.reason === "OFFER_GONE") return "not now";
    await this.decline(offer, filters);
    return error.retryable ? "not now" : "refused";
  }

  async decline({ id }: Offer, { refuseSeconds }: Filters): Promise<void> {
    await this.try((it) => it.declineOffers([id?.value ?? ""], refuseSeconds, PATIENT_CALL));
  }

  /** Kills a task. Gives whether Mesos took the call. */
  async kill(taskId: string, agentId: string): Promise<boolean> {
    const request = { taskId: { value: taskId }, agentId: { value: agentId } };
    return (await this.try((it) => it.killTask(request, PATIENT_CALL))) === undefined;
  }

  /** Asks for offers, or for none. `again`: even if that was the last request, so that filters are cleared. */
  async demand(wanted: boolean, again: boolean): Promise<void> {
    if (wanted === this.#demand && !again) return;
    const error = await this.try((it) =>
      wanted ? it.reviveOffers([], PATIENT_CALL) : it.suppressOffers([], PATIENT_CALL),
    );
    if (error === undefined) this.#demand = wanted;
  }
}
