import type { MonotonicClock } from "../../wire/clock.js";
import type { Attachments } from "./attachments.js";
import type { CallGate } from "./callGate.js";
import { BridgeError } from "./errors.js";
import { type CallAnswer, RequestMemory } from "./requestMemory.js";

type Answered = (answer: CallAnswer) => void;

/** Lets the calls of a session's newest attachment in, and each request once. */
export class CallEntrance {
  readonly #gate: CallGate;
  readonly #attachments: Attachments;
  readonly #requests: RequestMemory;
  readonly #entered: () => void;
  #isClosed = false;

  /** @param running counts the time in which the bridge runs  @param entered a call of the newest attachment came */
  constructor(gate: CallGate, attachments: Attachments, running: MonotonicClock, entered: () => void) {
    this.#gate = gate;
    this.#entered = entered;
    this.#attachments = attachments;
    this.#requests = new RequestMemory(running);
  }

  /** Why this attachment may not call, if it may not. */
  fence(attachmentId: string): BridgeError | undefined {
    if (!this.#isClosed) return this.#attachments.fence(attachmentId);
    if (this.#gate.isShut) return this.#gate.turnedAway();
    return sessionEnded();
  }

  /** Has a call made, or answers a repetition of one. `done` is called exactly once. @throws what `perform` throws */
  enter(attachmentId: string, requestId: string, done: Answered, perform: (answered: Answered) => void): void {
    // A repetition sends nothing, and its answer is the first one's, which may be on its way.
    const shut = this.#gate.isShut && !this.#requests.knows(requestId);
    const fenced = this.fence(attachmentId);
    // It is there, whether its call is taken or not.
    if (!fenced) this.#entered();
    const error = fenced ?? (shut ? this.#gate.turnedAway() : undefined);
    if (error) return done({ error });
    this.#gate.enter(done, (answered) =>
      this.#requests.once(requestId, answered, (made) => this.#perform(attachmentId, made, perform)),
    );
  }

  /** A retry may have waited for the answer to another one. */
  #perform(attachmentId: string, answered: Answered, perform: (answered: Answered) => void): void {
    const error = this.fence(attachmentId);
    if (error) answered({ error });
    else perform(answered);
  }

  /** Has a call made that is not the client's, but an operator's. `done` is called exactly once. @throws what `perform` throws */
  enterAsOperator(done: Answered, perform: (answered: Answered) => void): void {
    if (this.#gate.isShut) return done({ error: this.#gate.turnedAway() });
    if (this.#isClosed) return done({ error: sessionEnded() });
    this.#gate.enter(done, perform);
  }

  /** The session has ended: no call is let in any more. */
  close(): void {
    this.#isClosed = true;
  }
}

function sessionEnded(): BridgeError {
  return new BridgeError("FRAMEWORK_NOT_FOUND", "the session has ended: attach again");
}
