import { pause } from "../../../wire/backoff.js";
import { type BridgeError, toBridgeError } from "./errors.js";

/** The bridge takes 10,000 at once; smaller batches come back sooner. */
const MAX_BATCH = 1_000;
/** Above this many owed acknowledgements, `room` makes the consumer wait. */
const MAX_OWED = 10_000;
const RETRY_MS = 250;

export interface AcknowledgerOptions {
  /** Sends one batch. Waits by itself while there is no attachment, and tries again where that can help. */
  send: (ackTokens: string[], signal: AbortSignal) => Promise<void>;
  /** Told about each token that the bridge refused for good. */
  onRefused: (ackToken: string, error: BridgeError) => void;
  /** Ends all sending. */
  signal: AbortSignal;
}

/**
 * Sends acknowledgements in the order in which they were added, in batches: while one is on its way the next fills up.
 * What fails is sent again until the bridge takes it, refuses it, or `signal` aborts.
 */
export class Acknowledger {
  readonly #options: AcknowledgerOptions;
  /** In order. A Set, since a snapshot may bring an update whose acknowledgement is still on its way. */
  readonly #owed = new Set<string>();
  #running: Promise<void> | undefined;
  #waiters: (() => void)[] = [];

  constructor(options: AcknowledgerOptions) {
    this.#options = options;
  }

  /** How many acknowledgements the bridge has not confirmed yet. */
  get owed(): number {
    return this.#owed.size;
  }

  /** True while this acknowledgement was added and not yet confirmed. */
  has(ackToken: string): boolean {
    return this.#owed.has(ackToken);
  }

  add(ackToken: string): void {
    this.#owed.add(ackToken);
    this.#running ??= this.#run();
  }

  /** Resolves when less than 10,000 acknowledgements are owed, or nothing is sent any more. */
  async room(): Promise<void> {
    while (this.#owed.size >= MAX_OWED && this.#running !== undefined) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Resolves when nothing is owed, or nothing is sent any more. */
  async drained(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Let the caller finish its turn: what it adds now goes with the first batch.
    await Promise.resolve();
    let batchSize = MAX_BATCH;
    while (this.#owed.size > 0 && !this.#options.signal.aborted) {
      batchSize = await this.#sendOne(batchSize);
      for (const wake of this.#waiters.splice(0)) wake();
    }
    // In the same turn as the last look at what is owed: an `add` after it starts a new run.
    this.#running = undefined;
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** Sends a batch; returns the size of the next one. After a refusal, tokens go one by one, to find the bad one. */
  async #sendOne(batchSize: number): Promise<number> {
    const { send, onRefused, signal } = this.#options;
    const batch = [...this.#owed].slice(0, batchSize);
    try {
      await send(batch, signal);
    } catch (cause) {
      const error = toBridgeError(cause);
      if (signal.aborted) return batchSize;
      if (error.retryable || error.outcomeUnknown) {
        await pause(RETRY_MS, signal);
        return batchSize;
      }
      if (batch.length > 1) return 1;
      onRefused(batch[0] ?? "", error);
      this.#owed.delete(batch[0] ?? "");
      return MAX_BATCH;
    }
    for (const token of batch) this.#owed.delete(token);
    return batchSize;
  }
}
