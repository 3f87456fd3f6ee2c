/** The exit status of a program that was interrupted. */
export const INTERRUPTED = 130;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What the next signal does. */
type State =
  /** Nobody minds: it is kept for who comes next. */
  | { kind: "idle" }
  /** It is told. */
  | { kind: "armed"; tell: () => void }
  /** One has come that nobody has heard of. The next one ends the program. */
  | { kind: "pending" }
  /** One was told. The next one ends the program. */
  | { kind: "told" };

/**
 * Ctrl-C, SIGTERM and the end of the terminal. Each stage of the program is told of one such signal, so that it can end
 * in order; the second one in the same stage ends the program at once, with status 130.
 */
export class Interrupts {
  #state: State = { kind: "idle" };
  #interrupted = false;
  readonly #listener = () => this.#onSignal();

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  /** True once a signal has come. */
  get interrupted(): boolean {
    return this.#interrupted;
  }

  /**
   * Runs a stage, and calls `tell` at the first signal; at once, when one came since the stage before.
   *
   * @param tell  must not throw
   */
  async during<T>(tell: () => void, stage: () => Promise<T>): Promise<T> {
    const pending = this.#state.kind === "pending";
    this.#state = pending ? { kind: "told" } : { kind: "armed", tell };
    if (pending) tell();
    try {
      return await stage();
    } finally {
      this.#state = { kind: "idle" };
    }
  }

  /** From now on signals do what they do to any program. */
  close(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }

  #onSignal(): void {
    this.#interrupted = true;
    const { kind } = this.#state;
    if (kind === "pending" || kind === "told") process.exit(INTERRUPTED);
    if (kind === "idle") {
      this.#state = { kind: "pending" };
      return;
    }
    const { tell } = this.#state;
    this.#state = { kind: "told" };
    tell();
  }
}
