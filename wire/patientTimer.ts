import { afterReading } from "./afterReading.js";
import { type Clock, systemClock, type Timer } from "./clock.js";

/** The longest time that one timer of Node can take. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** A timer that fires so late fires in a process that stood still (stopped, or its machine suspended), not a busy one. */
const STOOD_STILL_MS = 1_000;

/**
 * A timer that judges a peer by its silence. It never judges before what the peer has sent is read: once its time is
 * over it lets the event loop read its sockets, and calls back only if nothing has called `refresh` or `stop` by then.
 * So a process that was stopped and resumes first sees what arrived in that time. The time that the process stood
 * still (over a second) does not count either: the peer, or what is between, may have stood still as well, so the timer
 * then waits for that long again, for its own time at most.
 */
export class PatientTimer {
  readonly #onSilence: (ms: number) => void;
  readonly #clock: Clock;
  #ms = 0;
  /** When it is due, on the clock. */
  #dueMs = 0;
  #timer: Timer | undefined;
  /** False while it waits once more for the time in which the process stood still. */
  #whole = true;
  /** Set while it lets the sockets be read. Takes that back. */
  #unread: (() => void) | undefined;

  /** @param onSilence called once per `start`, with its time, unless `stop` comes first */
  constructor(onSilence: (ms: number) => void, clock: Clock = systemClock) {
    this.#onSilence = onSilence;
    this.#clock = clock;
  }

  /** Starts the time from the beginning. @param ms up to 24 days; longer times count as that */
  start(ms: number): void {
    this.stop();
    this.#ms = Math.min(ms, MAX_TIMER_MS);
    this.#wait(this.#ms);
  }

  /** Starts the same time from the beginning, if it runs. */
  refresh(): void {
    if (this.#timer === undefined) return;
    if (!this.#whole || this.#unread !== undefined) return this.start(this.#ms);
    this.#dueMs = this.#clock.now() + this.#ms;
    this.#timer.refresh();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#unread?.();
    this.#timer = undefined;
    this.#unread = undefined;
  }

  #wait(ms: number): void {
    this.#whole = ms === this.#ms;
    this.#dueMs = this.#clock.now() + ms;
    this.#timer = this.#clock.after(ms, () => this.#due());
  }

  #due(): void {
    const stoodStillMs = this.#clock.now() - this.#dueMs;
    this.#unread = afterReading(() => {
      this.stop();
      if (stoodStillMs >= STOOD_STILL_MS) this.#wait(Math.min(stoodStillMs, this.#ms));
      else this.#onSilence(this.#ms);
    }, this.#clock);
  }
}
