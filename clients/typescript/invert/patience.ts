import { seconds } from "./display.js";

/** How long nothing may happen before it is told why, in ms; then after twice as long, and so on up to the longest. */
const FIRST_MS = 10_000;
const LONGEST_MS = 320_000;
const CHECK_MS = 1_000;

export interface PatienceOptions {
  /** What blocks the batch at this moment; undefined while it makes progress. */
  hindrance: () => string | undefined;
  /** What else takes long: each line is shown unchanged. */
  alsoSlow: (nowMs: number) => readonly string[];
  note: (line: string) => void;
}

type State = { kind: "going on" } | { kind: "held up"; sinceMs: number; nextMs: number; patienceMs: number };

/** Says why nothing happens if nothing has happened for a while. */
export class Patience {
  readonly #options: PatienceOptions;
  readonly #timer: NodeJS.Timeout;
  #state: State = { kind: "going on" };

  constructor(options: PatienceOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.check(Date.now()), CHECK_MS);
    this.check(Date.now());
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Called each second. */
  check(nowMs: number): void {
    const { hindrance, alsoSlow, note } = this.#options;
    for (const line of alsoSlow(nowMs)) note(line);
    const why = hindrance();
    if (why === undefined) {
      this.#state = { kind: "going on" };
    } else if (this.#state.kind === "going on") {
      this.#state = { kind: "held up", sinceMs: nowMs, nextMs: nowMs + FIRST_MS, patienceMs: FIRST_MS };
    } else if (nowMs >= this.#state.nextMs) {
      const { sinceMs } = this.#state;
      note(`nothing could be launched for ${seconds(nowMs - sinceMs)}: ${why}`);
      const patienceMs = Math.min(this.#state.patienceMs * 2, LONGEST_MS);
      this.#state = { kind: "held up", sinceMs, nextMs: nowMs + patienceMs, patienceMs };
    }
  }
}
