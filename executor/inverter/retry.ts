import { setTimeout as sleep } from "node:timers/promises";
import { TransferError } from "./transferError.js";

const ATTEMPTS = 4;
const FIRST_DELAY_MS = 250;

/**
 * Runs a transfer up to 4 times while it fails with an error that is retryable. Before each new try it waits
 * a random part of a time that doubles: a server that is overloaded is not met by all tasks at once.
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
      const longest = FIRST_DELAY_MS * 2 ** attempt;
      await sleep(longest / 2 + (Math.random() * longest) / 2, undefined, { signal }).catch(() =>
        signal.throwIfAborted(),
      );
    }
  }
}
