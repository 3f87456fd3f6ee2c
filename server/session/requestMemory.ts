import type { MonotonicClock } from "../../wire/clock.js";
import { type BridgeError, errorOfCall } from "./errors.js";
import { Queue } from "./queue.js";

/** What a call was answered: an error, or that it was taken. */
export type CallAnswer = { readonly error: BridgeError } | TakenAnswer;

export interface TakenAnswer {
  readonly error: undefined;
  /** How many of its offers were gone. */
  readonly gone: number;
  /** The version of the keys of the state that it has written; 0 or left out if it has written none. */
  readonly stateVersion?: number;
}

type Answered = (answer: CallAnswer) => void;
type Make = (answered: Answered) => void;

/** A retry that came before the answer. */
interface WaitingRetry {
  readonly done: Answered;
  /** Makes the request after all. */
  readonly again: () => void;
}

/** A request that has no answer yet. */
interface OpenRequest {
  readonly waiting: Array<WaitingRetry>;
  readonly expiresMs: number;
}

interface AnsweredRequest {
  readonly answer: CallAnswer;
  readonly expiresMs: number;
}

const KEPT_MS = 10 * 60 * 1000;
const MAX_ANSWERS = 20_000;

/** Remembers for ten minutes what calls with a `request_id` were answered, so that a retry is not sent again. */
export class RequestMemory {
  readonly #clock: MonotonicClock;
  /** As many as calls may be under way. */
  readonly #open = new Map<string, OpenRequest>();
  readonly #answered = new Map<string, AnsweredRequest>();
  /** Ids of the answered ones in the order of their answers, and so about of their expiry. */
  readonly #order = new Queue<string>();

  /** @param clock by which answers are kept. Of a bridge: one that stands still with it, as retries then wait in sockets */
  constructor(clock: MonotonicClock) {
    this.#clock = clock;
  }

  /** True if a request of this id was made, and a repetition gets its answer. */
  knows(requestId: string): boolean {
    return this.#open.has(requestId) || this.#answered.has(requestId);
  }

  /**
   * True if the request is new: then it is to be made, and `answered` or `abandoned` to be called. Otherwise
   * `done` gets the answer of the first, at once or when it comes; or `again` is called, if that one's attachment is
   * refused: this one may have another.
   */
  begin(requestId: string, nowMs: number, done: Answered, again: () => void = () => {}): boolean {
    this.#expire(nowMs);
    const open = this.#open.get(requestId);
    const answered = this.#answered.get(requestId);
    if (open) open.waiting.push({ done, again });
    else if (answered) done(answered.answer);
    else this.#open.set(requestId, { waiting: [], expiresMs: nowMs + KEPT_MS });
    return !open && !answered;
  }

  /** Has a request made, once for all calls with this id; an empty id is that of none. @throws what `make` throws */
  once(requestId: string, done: Answered, make: Make): void {
    if (requestId === "") return make(done);
    if (!this.begin(requestId, this.#clock.now(), done, () => this.#again(requestId, done, make))) return;
    try {
      make((answer) => {
        this.answered(requestId, answer);
        done(answer);
      });
    } catch (error) {
      // What can't be read was not sent, and gets no answer that a retry could wait for.
      this.abandoned(requestId);
      throw error;
    }
  }

  #again(requestId: string, done: Answered, make: Make): void {
    try {
      this.once(requestId, done, make);
    } catch (thrown) {
      const error = errorOfCall(thrown);
      if (!error) throw thrown;
      done({ error });
    }
  }

  /** Gives the answer to those who wait. One that says that Mesos took nothing for now is not kept: the retry is made. */
  answered(requestId: string, answer: CallAnswer): void {
    const request = this.#open.get(requestId);
    if (!request) return;
    this.#open.delete(requestId);
    const { error } = answer;
    if (!error?.retryable && !error?.refusesAttachment) {
      this.#answered.set(requestId, { answer, expiresMs: request.expiresMs });
      this.#order.push(requestId);
    }
    for (const { done, again } of request.waiting) {
      if (error?.refusesAttachment) again();
      else done(answer);
    }
  }

  /** The request could not be made at all: it is forgotten, and a retry is made. Nobody waits for it yet. */
  abandoned(requestId: string): void {
    this.#open.delete(requestId);
  }

  #expire(nowMs: number): void {
    for (let oldest = this.#order.first; oldest !== undefined; oldest = this.#order.first) {
      const expiresMs = this.#answered.get(oldest)?.expiresMs ?? 0;
      if (this.#answered.size < MAX_ANSWERS && expiresMs > nowMs) break;
      this.#answered.delete(oldest);
      this.#order.shift();
    }
  }
}
