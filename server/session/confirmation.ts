import { Countdown, type CountdownClocks } from "./countdown.js";
import type { Guard } from "./guard.js";

/** How long a client that was promoted may take to make its first call, in ms. */
const CONFIRM_MS = 2_000;
/** How often that may be added for clients that are all too slow. */
const MAX_ROUNDS = 15;

type State =
  /** Nobody was promoted, or that client has been heard of. */
  | { readonly kind: "settled" }
  | { readonly kind: "awaited" }
  /** It has not been heard of in time. It stays for as long as nobody waits. */
  | { readonly kind: "overdue" };

const SETTLED: State = { kind: "settled" };
const AWAITED: State = { kind: "awaited" };
const OVERDUE: State = { kind: "overdue" };

/**
 * Whether the client that was promoted last is there. Its connection may be half open: then nobody reads what the bridge
 * writes, and only a call proves the contrary.
 */
export class Confirmation {
  readonly #countdown: Countdown;
  #state: State = SETTLED;
  /** Promotions in a row that were not confirmed. */
  #lapses = 0;

  /** @param overdue the time is over, and it has not called */
  constructor(overdue: () => void, guard: Guard, clocks: CountdownClocks) {
    this.#countdown = new Countdown(clocks, () => {
      this.#state = OVERDUE;
      this.#lapses++;
      guard(overdue);
    });
  }

  get isOverdue(): boolean {
    return this.#state.kind === "overdue";
  }

  /**
   * A client was promoted. Where all of them had their turn and none confirmed it, each gets 2 s more the next time.
   *
   * @param waiting how many others wait
   */
  promoted(waiting: number): void {
    const rounds = Math.min(Math.floor(this.#lapses / (waiting + 1)), MAX_ROUNDS);
    this.#state = AWAITED;
    this.#countdown.start(CONFIRM_MS * (1 + rounds));
  }

  /** The active client called. True if that was waited for. */
  called(): boolean {
    if (this.#state.kind === "settled") return false;
    this.#lapses = 0;
    this.over();
    return true;
  }

  /** That client is no longer active. */
  over(): void {
    this.#state = SETTLED;
    this.#countdown.stop();
  }
}
