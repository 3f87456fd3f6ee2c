import type { Clock } from "../../wire/clock.js";
import { PatientTimer } from "../../wire/patientTimer.js";
import type { CallOutcome } from "../mesos/link/callOutcome.js";
import { buildCall, CallType, withFrameworkId } from "../mesos/messages/calls.js";
import { answerOf, OK } from "./answers.js";
import type { Guard } from "./guard.js";
import type { Repetition } from "./repetition.js";
import type { CallAnswer } from "./requestMemory.js";

type Answered = (answer: CallAnswer) => void;

export interface TeardownHost {
  frameworkId(): string;
  send(call: Uint8Array, done: (outcome: CallOutcome) => void): void;
  /**
   * Mesos has removed the framework. Resolves once it is forgotten here too. `asked`: a client wanted that; otherwise
   * the lease did, and a client that has come back meanwhile does not know.
   */
  done(asked: boolean): Promise<void>;
  /** For a TEARDOWN that the lease demands. */
  readonly repetition: Repetition;
  readonly guard: Guard;
  readonly clock: Clock;
}

/**
 * Takes a framework down, through breaks of the link if need be. The master ends the subscription when
 * it takes a TEARDOWN, and may do so before its answer is read: only the next subscription, refused
 * because the framework has been removed, then tells that it did. Asking twice does no harm. What the lease demands is
 * repeated until Mesos has taken it.
 */
export class Teardown {
  readonly #host: TeardownHost;
  #waiting: Answered[] = [];
  /** Asked for by the lease, not by a call: without a master it waits for one. */
  #lasting = false;
  #inFlight = false;
  /** A TEARDOWN was sent whose answer was lost: Mesos may have taken it. */
  #mayBeTaken = false;
  /** A client asked, and no subscription has shown yet that Mesos did not hear of it. */
  #asked = false;
  readonly #answerWithinMs: number;
  readonly #overdue: PatientTimer;

  /** @param answerWithinMs how long a client waits at most before it is told that the outcome is unknown. Default 30,000 */
  constructor(host: TeardownHost, answerWithinMs = 30_000) {
    this.#host = host;
    this.#answerWithinMs = answerWithinMs;
    this.#overdue = new PatientTimer(() => host.guard(() => this.#giveUp()), host.clock);
  }

  /** A client asks. Without a master it is told so and nothing is left to do. */
  ask(answered: Answered): void {
    this.#asked = true;
    if (this.#waiting.length === 0) this.#overdue.start(this.#answerWithinMs);
    this.#waiting.push(answered);
    this.#send();
  }

  /** The lease asks. */
  demand(connected: boolean): void {
    this.#lasting = true;
    if (connected) this.#send();
  }

  /** A client came back before the lease's demand was carried out. */
  withdraw(): void {
    this.#lasting = false;
    this.#host.repetition.over("not-needed");
  }

  /** A subscription stands, so Mesos has taken no TEARDOWN of the one before, nor will it. */
  connected(): void {
    if (this.#lasting && this.#mayBeTaken) {
      this.#host.repetition.note("TEARDOWN", "its answer was lost with the link, and the framework is still there");
    }
    this.#mayBeTaken = false;
    this.#asked = this.#waiting.length > 0;
    if (this.#lasting || this.#waiting.length > 0) this.#send();
  }

  /** True while a TEARDOWN is sent that Mesos may have taken, or may still take. */
  get underWay(): boolean {
    return this.#inFlight || this.#mayBeTaken;
  }

  /** Mesos says that the framework has been removed. True if that is what was asked for. */
  removed(): boolean {
    if (!this.#lasting && !this.#mayBeTaken) return false;
    this.#finish();
    return true;
  }

  /** The subscription is gone: the next one is when a demand goes on. */
  disconnected(): void {
    this.#host.repetition.pause();
  }

  /** The session ends for another reason: who waits is told that the outcome is not known. */
  end(): void {
    this.#host.repetition.end();
    this.#answer(answerOf({ kind: "unknown", message: "the session ended" }, OK));
  }

  #giveUp(): void {
    const message = "the link broke before the master answered, and has not been made again since";
    this.#answer(answerOf({ kind: "unknown", message }, OK));
  }

  #send(): void {
    if (this.#inFlight) return;
    this.#inFlight = true;
    this.#host.send(withFrameworkId(buildCall(CallType.TEARDOWN), this.#host.frameworkId()), (outcome) => {
      this.#inFlight = false;
      if (outcome.kind === "accepted") this.#finish();
      else if (outcome.kind === "unknown" || this.#mayBeTaken) this.#mayBeTaken = true;
      else {
        this.#answer(answerOf(outcome, OK));
        if (this.#lasting) this.#host.repetition.failed("TEARDOWN", outcome, () => this.#send());
      }
    });
  }

  /** Who asked is told when nothing is left of the framework: no list names it, and no restart brings it back. */
  #finish(): void {
    this.#host.repetition.over("taken");
    const waiting = this.#taken();
    const tell = () => {
      for (const answered of waiting) this.#host.guard(() => answered(OK));
    };
    const fault = (error: unknown) =>
      this.#host.guard(() => {
        throw error;
      });
    this.#host.done(this.#asked).then(tell).catch(fault);
  }

  #answer(answer: CallAnswer): void {
    for (const answered of this.#taken()) answered(answer);
  }

  #taken(): Answered[] {
    this.#overdue.stop();
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }
}
