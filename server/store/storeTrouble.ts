import type { MonotonicClock } from "../../wire/clock.js";
import type { Log } from "../log.js";

type Kind = "refusing" | "unbegun" | "lost";

type State =
  | { readonly kind: "none" }
  | {
      /** `unbegun`: no log could be made at the start. `lost`: there is none any more that can be used. */
      readonly kind: Kind;
      /** How much could not be written at once: less than that proves nothing. */
      readonly bytes: number;
      readonly failedAtMs: number;
      /** A write has shown that what failed would work now. */
      readonly isProven: boolean;
    };

/** Without a write that proves it, the trouble is over when none has failed for so long. */
const QUIET_MS = 60_000;

/**
 * Reports trouble with a data directory: once when it begins, and once when it is over and all is stored. On a full
 * disk small writes may still work, and larger ones not: all that is one trouble.
 */
export class StoreTrouble {
  readonly #log: Log;
  readonly #clock: MonotonicClock;
  readonly #overdue = new Set<string>();
  #state: State = { kind: "none" };

  constructor(log: Log, clock: MonotonicClock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Frameworks whose record is to be stored still. */
  get overdue(): number {
    return this.#overdue.size;
  }

  setOverdue(frameworkName: string, isOverdue: boolean): void {
    if (isOverdue) this.#overdue.add(frameworkName);
    else if (this.#overdue.delete(frameworkName) && this.#overdue.size === 0) this.#prove();
  }

  /** There is no log any more that can be used. */
  lost(error: Error, file: string): void {
    if (this.#begin("lost", Number.MAX_VALUE)) {
      const message = "the log of frameworks is lost: it will be rewritten from memory";
      this.#log.error({ err: error, file }, message);
    }
  }

  /** There is no log yet that can be written. */
  unwritable(error: unknown): void {
    this.#refuse(
      "unbegun",
      error,
      Number.MAX_VALUE,
      "what it holds is used, and nothing new can be stored until it can",
    );
  }

  /** So many bytes could not be written. */
  failed(error: unknown, bytes: number): void {
    this.#refuse("refusing", error, bytes, "what changes is kept in memory, and stored as soon as it can be");
  }

  written(bytes: number): void {
    if (this.#state.kind !== "none" && bytes >= this.#state.bytes) this.#prove();
  }

  /** All that is stored has been written into a new log. */
  renewed(): void {
    this.#prove();
  }

  /** Looks whether it is over. @param areTasksStored whether no change of a task waits */
  settle(areTasksStored: boolean): void {
    if (this.#state.kind === "none" || !areTasksStored || this.#overdue.size > 0) return;
    const { kind, isProven, failedAtMs } = this.#state;
    if (!isProven && this.#clock.now() - failedAtMs < QUIET_MS) return;
    this.#state = { kind: "none" };
    const isAnew = kind === "lost" || kind === "unbegun";
    this.#log.info(
      {},
      isAnew
        ? "the log of frameworks has been rewritten"
        : "the data directory can be written again, and all is stored",
    );
  }

  #refuse(kind: Kind, error: unknown, bytes: number, consequence: string): void {
    if (this.#begin(kind, bytes)) {
      this.#log.error({ err: error }, `the data directory can't be written: ${consequence}`);
    }
  }

  /** True if that is news. */
  #begin(kind: Kind, bytes: number): boolean {
    const before = this.#state;
    const isOpen = before.kind !== "none" && !before.isProven;
    this.#state = {
      kind: before.kind === "none" || kind === "lost" ? kind : before.kind,
      bytes: isOpen ? Math.max(bytes, before.bytes) : bytes,
      failedAtMs: this.#clock.now(),
      isProven: false,
    };
    return before.kind === "none" || (kind === "lost" && before.kind !== "lost");
  }

  #prove(): void {
    if (this.#state.kind !== "none") this.#state = { ...this.#state, isProven: true };
  }
}
