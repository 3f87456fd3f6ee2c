import type { Clock, Timer } from "../wire/clock.js";
import type { Log } from "./log.js";

/** How long a trouble may last before it is worth a warning: masters restart and fail over in less. */
export const LASTING_MS = 30_000;

type State =
  | { readonly kind: "well" }
  /** It was told as information, and is told again once it has lasted. */
  | { readonly kind: "new"; readonly timer: Timer; readonly told: Told }
  /** It has lasted: what becomes of it is told as warnings. */
  | { readonly kind: "lasting" };

interface Told {
  readonly fields: object;
  readonly message: string;
}

const WELL: State = { kind: "well" };
const LASTING: State = { kind: "lasting" };

/** Logs a trouble that usually passes by itself: at `info` when it begins, and at `warn` once it has lasted for 30 s. */
export class LoggedTrouble {
  readonly #log: Log;
  readonly #clock: Clock;
  #state: State = WELL;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** It begins, or continues for another reason. */
  note(fields: object, message: string): void {
    if (this.#state.kind === "lasting") return this.#log.warn(fields, message);
    const told = { fields, message };
    const timer = this.#state.kind === "new" ? this.#state.timer : this.#clock.after(LASTING_MS, () => this.#lasts());
    this.#state = { kind: "new", timer, told };
    this.#log.info(fields, message);
  }

  /** It is over, or nobody looks at it any more. Says nothing. */
  over(): void {
    if (this.#state.kind === "new") this.#state.timer.cancel();
    this.#state = WELL;
  }

  #lasts(): void {
    if (this.#state.kind !== "new") return;
    const { fields, message } = this.#state.told;
    this.#state = LASTING;
    this.#log.warn({ ...fields, lastsSeconds: LASTING_MS / 1000 }, message);
  }
}
