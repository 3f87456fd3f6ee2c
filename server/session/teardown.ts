import type { Clock } from "../../wire/clock.js";
import { PatientTimer } from "../../wire/patientTimer.js";
import type { CallOutcome } from "../mesos/link/callOutcome.js";
import { buildCall, type CallMessage, CallType } from "../mesos/messages/calls.js";
import { answerOf, OK } from "./answers.js";
import type { Guard } from "./guard.js";
import type { Repetition } from "./repetition.js";
import type { CallAnswer } from "./requestMemory.js";

type Answered = (answer: CallAnswer) => void;

export interface TeardownHost {
  send(call: CallMessage, done: (outcome: CallOutcome) => void): void;
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

/** What Mesos may know of a TEARDOWN. */
type State =
  /** None is on its way, and Mesos has taken none. */
  | { readonly kind: "unsent" }
  /** One is on its way. `doubt`: there was one before it whose answer was lost. */
  | { readonly kind: "sent"; readonly doubt: boolean }
  /** The answer to one was lost: Mesos may have taken it. */
  | { readonly kind: "doubtful" }
  /** Mesos has removed the framework, or the session has ended. */
  | { readonly kind: "over" };

type Happening = "sent" | "answer-lost" | "not-taken" | "subscribed" | "over";

const UNSENT: State = { kind: "unsent" };
const DOUBTFUL: State = { kind: "doubtful" };
const OVER: State = { kind: "over" };

/** The one place where the state changes. From `over` nothing leads away. */
function after(state: State, happening: Happening): State {
  if (state.kind === "over") return state;
  switch (happening) {
    case "sent":
      return { kind: "sent", doubt: state.kind === "doubtful" };
    case "answer-lost":
      return DOUBTFUL;
    case "not-taken":
      return mayBeTaken(state) ? DOUBTFUL : UNSENT;
    case "subscribed":
      // Mesos has taken no TEARDOWN of the subscription before, nor will it.
      return state.kind === "sent" ? { kind: "sent", doubt: false } : UNSENT;
    case "over":
      return OVER;
  }
}

function mayBeTaken(state: State): boolean {
  return state.kind === "doubtful" || (state.kind === "sent" && state.doubt);
}

/** The clients that asked. */
type Asked =
  | { readonly kind: "nobody" }
  | { readonly kind: "waiting"; readonly waiting: Answered[] }
  /** They were told that the outcome is unknown, and no subscription has shown since that Mesos did not hear of it. */
  | { readonly kind: "told" };

const NOBODY: Asked = { kind: "nobody" };
const TOLD: Asked = { kind: "told" };

/**
 * Takes a framework down, through breaks of the link if need be. The master ends the subscription when
 * it takes a TEARDOWN, and may do so before its answer is read: only the next subscription, refused
 * because the framework has been removed, then shows that it did. Asking twice does no harm. What the lease demands is
 * repeated until Mesos has taken it.
 */
export class Teardown {
  readonly #host: TeardownHost;
  #state: State = UNSENT;
  #asked: Asked = NOBODY;
  /** The lease wants it, and no client has come back since: without a master it waits for one. */
  #isDemanded = false;
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
    if (this.#asked.kind === "waiting") this.#asked.waiting.push(answered);
    else {
      this.#asked = { kind: "waiting", waiting: [answered] };
      this.#overdue.start(this.#answerWithinMs);
    }
    this.#send();
  }

  /** The lease asks. */
  demand(connected: boolean): void {
    this.#isDemanded = true;
    if (connected) this.#send();
  }

  /** A client came back before the lease's demand was carried out. */
  withdraw(): void {
    this.#isDemanded = false;
    this.#host.repetition.over("not-needed");
  }

  /** Another client is active, and the framework is its own: what the one before asked for is not sent again. */
  abandon(): void {
    if (this.#asked.kind !== "waiting") return;
    const message = "another client became active before the master answered";
    this.#answer(TOLD, answerOf({ kind: "unknown", message }, OK));
  }

  /** A subscription stands. */
  connected(): void {
    if (this.#isDemanded && mayBeTaken(this.#state)) {
      this.#host.repetition.note("TEARDOWN", "its answer was lost with the link, and the framework is still there");
    }
    this.#state = after(this.#state, "subscribed");
    if (this.#asked.kind === "told") this.#asked = NOBODY;
    if (this.#isDemanded || this.#asked.kind === "waiting") this.#send();
  }

  /** True while a TEARDOWN is sent that Mesos may have taken, or may still take. */
  get underWay(): boolean {
    return this.#state.kind === "sent" || this.#state.kind === "doubtful";
  }

  /** Mesos says that the framework has been removed. True if that is what was asked for. */
  removed(): boolean {
    if (!this.#isDemanded && !mayBeTaken(this.#state)) return false;
    this.#finish();
    return true;
  }

  /** The subscription is gone: a demand continues with the next one. */
  disconnected(): void {
    this.#host.repetition.pause();
  }

  /** The session ends for another reason: clients that wait are told that the outcome is not known. */
  end(): void {
    this.#state = after(this.#state, "over");
    this.#host.repetition.end();
    this.#answer(NOBODY, answerOf({ kind: "unknown", message: "the session ended" }, OK));
  }

  #giveUp(): void {
    const message = "the link broke before the master answered, and has not been made again since";
    this.#answer(TOLD, answerOf({ kind: "unknown", message }, OK));
  }

  #send(): void {
    if (this.#state.kind === "sent" || this.#state.kind === "over") return;
    this.#state = after(this.#state, "sent");
    this.#host.send(buildCall(CallType.TEARDOWN), (outcome) => this.#answered(outcome));
  }

  #answered(outcome: CallOutcome): void {
    if (this.#state.kind === "over") return;
    if (outcome.kind === "accepted") return this.#finish();
    this.#state = after(this.#state, outcome.kind === "unknown" ? "answer-lost" : "not-taken");
    if (mayBeTaken(this.#state)) return;
    this.#answer(NOBODY, answerOf(outcome, OK));
    if (this.#isDemanded) this.#host.repetition.failed("TEARDOWN", outcome, () => this.#send());
  }

  /** Clients that asked are told when nothing is left of the framework: no list names it, and no restart brings it back. */
  #finish(): void {
    this.#host.repetition.over("taken");
    const wasAsked = this.#asked.kind !== "nobody";
    const waiting = this.#release(NOBODY);
    this.#state = after(this.#state, "over");
    const tell = () => {
      for (const answered of waiting) this.#host.guard(() => answered(OK));
    };
    const fault = (error: unknown) =>
      this.#host.guard(() => {
        throw error;
      });
    this.#host.done(wasAsked).then(tell).catch(fault);
  }

  #answer(next: Asked, answer: CallAnswer): void {
    for (const answered of this.#release(next)) answered(answer);
  }

  #release(next: Asked): readonly Answered[] {
    this.#overdue.stop();
    const waiting = this.#asked.kind === "waiting" ? this.#asked.waiting : [];
    this.#asked = next;
    return waiting;
  }
}
