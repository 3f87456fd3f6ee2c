import { setTimeout as sleep } from "node:timers/promises";
import { TransferError } from "./transferError.js";

const ATTEMPTS = 4;
const FIRST_DELAY_MS = 250;
/** A server that asks for more patience is not asked again by this task: the resources are of more use to others. */
const MAX_RETRY_AFTER_MS = 60_000;
/** Tasks that were all told the same time don't come back in the same moment. */
const SPREAD_MS = 500;

/**
 * Runs a transfer up to 4 times while it fails with an error that is retryable. Before each new try it waits
 * a random part of a time that doubles: a server that is overloaded is not met by all tasks at once. Where the server
 * asks for a longer wait (Retry-After) it waits that long, up to 60 s; at once given up is who asks for more.
 *
 * @throws the last error, with the number of tries; the signal's reason when that is aborted
 */
export async function withRetry<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransferError) || !error.retryable) throw error;
      if (attempt >= ATTEMPTS)
        throw new TransferError(`${error.message} (tried ${attempt} times)`, { retryable: true, cause: error });
      const askedMs = error.retryAfterMs ?? 0;
      if (askedMs > MAX_RETRY_AFTER_MS) throw tooPatient(error, askedMs);
      const longest = FIRST_DELAY_MS * 2 ** attempt;
      const delayMs = Math.max(
        longest / 2 + (Math.random() * longest) / 2,
        askedMs && askedMs + Math.random() * SPREAD_MS,
      );
      await sleep(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

function tooPatient(error: TransferError, askedMs: number): TransferError {
  const text = `${error.message} (it asks to be left alone for ${Math.ceil(askedMs / 1000)} s)`;
  return new TransferError(text, { retryable: true, cause: error });
}
