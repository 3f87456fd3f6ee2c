import { PatientTimer } from "../../wire/patientTimer.js";

/** A signal that aborts with its parent, and when an answer of the agent is not there in time. */
export class AnswerDeadline {
  readonly #parent: AbortSignal;
  readonly #controller = new AbortController();
  readonly #timer: PatientTimer;
  readonly #onAbort = (): void => this.#controller.abort(this.#parent.reason);

  /** @param missed what is said when the time is over */
  constructor(parent: AbortSignal, timeoutMs: number, missed: string) {
    this.#parent = parent;
    this.#timer = new PatientTimer(() => this.#controller.abort(new Error(missed)));
    if (parent.aborted) this.#onAbort();
    else {
      parent.addEventListener("abort", this.#onAbort, { once: true });
      this.#timer.start(timeoutMs);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The answer has come. Only the parent ends what follows it. */
  met(): void {
    this.#timer.stop();
  }

  /** Nothing is waited for any more. */
  end(): void {
    this.#timer.stop();
    this.#parent.removeEventListener("abort", this.#onAbort);
  }
}
