import type { BridgeError } from "./errors.js";
import type { SchedulerEvent } from "./events.js";

/** Offers come within one or two of Mesos's allocation intervals, of 1 s each. */
const OFFERS_MS = 5_000;

/** Says once what a scheduler waits for, not with each try. */
export class Notices {
  readonly #say: (line: string) => void;
  /** Until there were offers, or it was said that none came. */
  #wantsOffers: boolean;
  #lost = false;
  #linked = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(say: (line: string) => void, wantsOffers: boolean) {
    this.#say = say;
    this.#wantsOffers = wantsOffers;
  }

  /** Takes each event. */
  seen(event: SchedulerEvent): void {
    switch (event.kind) {
      case "detached":
        return this.#detached(event.error);
      case "opened":
        return this.#opened(event.linked);
      case "standby":
        return this.#standby();
      case "link-changed":
        this.#linked = event.linked;
        return;
      case "offers":
      case "update":
        this.#wantsOffers = false;
        return this.close();
      default:
        return;
    }
  }

  /** Says nothing more about offers. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #detached(error: BridgeError): void {
    if (!this.#lost) this.#say(`not attached to the bridge: ${error.message}; trying again`);
    this.#lost = true;
    this.close();
  }

  #standby(): void {
    this.#say("on standby: another scheduler of the framework may be active");
    this.#lost = false;
  }

  #opened(linked: boolean): void {
    if (this.#lost) this.#say("attached to the bridge");
    this.#lost = false;
    this.#linked = linked;
    if (!this.#wantsOffers || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#noOffers(), OFFERS_MS);
    // Nobody waits for a line of the log.
    this.#timer.unref();
  }

  #noOffers(): void {
    this.#wantsOffers = false;
    const what = this.#linked ? "offers" : "a Mesos master, which the bridge does not have yet";
    this.#say(`attached to the bridge, and waiting for ${what}`);
  }
}
