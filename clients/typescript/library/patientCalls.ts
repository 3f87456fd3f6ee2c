import { BridgeError } from "./errors.js";
import type { SchedulerEvent } from "./events.js";
import type { Scheduler } from "./scheduler.js";

/** A call that waits for a master delays the event with the reason, so it is repeated once there is a master. */
export const PATIENT_CALL = { deadlineMs: 10_000 };

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

  /** Takes each event: some report on the bridge and its master. */
  onEvent(event: SchedulerEvent): void {
    if (event.kind === "opened" || event.kind === "link-changed") this.#linked = event.linked;
    if (event.kind === "opened" || event.kind === "subscribed") this.#demand = undefined;
  }

  /** Makes a call. Gives whether Mesos took it. */
  async try(call: (it: Scheduler) => Promise<void>, onFailed?: (error: BridgeError) => void): Promise<boolean> {
    try {
      await call(this.#scheduler);
      return true;
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      if (error.reason !== "OFFER_GONE") this.#say(`a call failed: ${error.message}`);
      onFailed?.(error);
      return false;
    }
  }

  /** Asks for offers, or for none. `again`: even if that was the last request, so that filters are cleared. */
  async demand(wanted: boolean, again: boolean): Promise<void> {
    if (wanted === this.#demand && !again) return;
    const asked = await this.try((it) =>
      wanted ? it.reviveOffers([], PATIENT_CALL) : it.suppressOffers([], PATIENT_CALL),
    );
    if (asked) this.#demand = wanted;
  }
}
