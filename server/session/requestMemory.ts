import type { BridgeError } from "./errors.js";

/** What a call was answered: an error, or how many of its offers were gone. */
export type CallAnswer = { readonly error: BridgeError } | { readonly error: undefined; readonly gone: number };

interface RememberedRequest {
  answer: CallAnswer | undefined;
  waiting: Array<(answer: CallAnswer) => void>;
  readonly expiresMs: number;
}

const KEPT_MS = 10 * 60 * 1000;
const MAX_REQUESTS = 20_000;

/** Remembers what calls with a `request_id` were answered, so that a retry is not sent again. */
export class RequestMemory {
  /** In the order of their making, and so of their expiry. */
  readonly #requests = new Map<string, RememberedRequest>();

  /**
   * True if the request is new: then it is to be made, and `answered` to be called. Otherwise
   * `done` gets the answer of the first, at once or when it comes.
   */
  begin(requestId: string, nowMs: number, done: (answer: CallAnswer) => void): boolean {
    this.#expire(nowMs);
    const known = this.#requests.get(requestId);
    if (!known) {
      this.#requests.set(requestId, { answer: undefined, waiting: [], expiresMs: nowMs + KEPT_MS });
      return true;
    }
    if (known.answer) done(known.answer);
    else known.waiting.push(done);
    return false;
  }

  /** Gives the answer to those who wait. One that says that nothing was sent is not kept: the retry is made. */
  answered(requestId: string, answer: CallAnswer): void {
    const request = this.#requests.get(requestId);
    if (!request) return;
    const waiting = request.waiting;
    request.waiting = [];
    request.answer = answer;
    if (answer.error?.reason === "NO_MASTER" || answer.error?.reason === "TOO_MANY_CALLS")
      this.#requests.delete(requestId);
    for (const done of waiting) done(answer);
  }

  #expire(nowMs: number): void {
    for (const [requestId, request] of this.#requests) {
      const full = this.#requests.size > MAX_REQUESTS;
      if (request.answer === undefined || (!full && request.expiresMs > nowMs)) break;
      this.#requests.delete(requestId);
    }
  }
}
