import { Backoff } from "../../wire/backoff.js";
import type { Clock, Timer } from "../../wire/clock.js";
import type { Randomness } from "../../wire/randomness.js";
import type { Log } from "../log.js";
import type { CallOutcome } from "../mesos/link/callOutcome.js";
import type { Guard } from "./guard.js";

export interface RepetitionHost {
  readonly log: Log;
  frameworkName(): string;
  readonly guard: Guard;
  readonly clock: Clock;
  readonly randomness: Randomness;
}

type State =
  | { readonly kind: "well" }
  /** Calls are not taken, and the log says so. */
  | { readonly kind: "troubled"; readonly wait: Wait | undefined }
  | { readonly kind: "ended" };

interface Wait {
  readonly timer: Timer;
  /** What is done when it is over. */
  readonly again: () => void;
}

const WELL: State = { kind: "well" };
const TROUBLED: State = { kind: "troubled", wait: undefined };
const ENDED: State = { kind: "ended" };

/**
 * Repeats calls of the bridge's own that Mesos does not take, after random waits that grow to 15 s. The log has one line
 * when that begins, with the reason, and one when it is over.
 */
export class Repetition {
  readonly #host: RepetitionHost;
  readonly #backoff: Backoff;
  #state: State = WELL;

  constructor(host: RepetitionHost) {
    this.#host = host;
    this.#backoff = new Backoff({ initialMs: 250, random: () => host.randomness.fraction() });
  }

  /** True from the first call that was not taken until it is over. */
  get troubled(): boolean {
    return this.#state.kind === "troubled";
  }

  /** True while a wait runs. */
  get waiting(): boolean {
    return this.#state.kind === "troubled" && this.#state.wait !== undefined;
  }

  /**
   * A call was not taken: `again` runs after a wait. Not where the link is to blame: it says so itself, and makes a new
   * subscription, with which to continue.
   */
  failed(call: string, outcome: CallOutcome, again: () => void): void {
    const reason = reasonOf(outcome);
    if (reason === undefined || this.#state.kind === "ended") return;
    this.note(call, reason);
    if (this.waiting) return;
    const timer = this.#host.clock.after(this.#backoff.next(), () => this.tryNow());
    this.#state = { kind: "troubled", wait: { timer, again } };
  }

  /** Ends a wait early: the reason why Mesos refused calls may be gone. */
  tryNow(): void {
    if (this.#state.kind !== "troubled" || !this.#state.wait) return;
    const { again } = this.#state.wait;
    this.pause();
    this.#host.guard(again);
  }

  /** A call has to be made again, for that reason. */
  note(call: string, reason: string): void {
    if (this.#state.kind !== "well") return;
    this.#state = TROUBLED;
    const text = "Mesos did not accept one of the bridge's own calls: such calls are repeated until it does";
    this.#host.log.warn({ framework: this.#host.frameworkName(), call, reason }, text);
  }

  /** Ends the wait: without a subscription nothing can be sent. */
  pause(): void {
    if (this.#state.kind !== "troubled") return;
    this.#state.wait?.timer.cancel();
    this.#state = TROUBLED;
  }

  /** Nothing is left to repeat: Mesos took it, or it is not needed any more. */
  over(why: "taken" | "not-needed"): void {
    if (this.#state.kind !== "troubled") return;
    this.pause();
    this.#state = WELL;
    this.#backoff.reset();
    const text =
      why === "taken" ? "Mesos accepts the bridge's own calls again" : "none of the bridge's own calls is left";
    this.#host.log.info({ framework: this.#host.frameworkName() }, text);
  }

  /** Ends it for good. */
  end(): void {
    this.pause();
    this.#state = ENDED;
  }
}

/** Why a call has to be repeated on the subscription that stands; undefined if that is taken, or has ended. */
function reasonOf(outcome: CallOutcome): string | undefined {
  if (outcome.kind === "too-many") return outcome.message;
  if (outcome.kind !== "refused") return undefined;
  return outcome.cause === "call" || outcome.cause === "unauthorized" ? outcome.reason : undefined;
}
