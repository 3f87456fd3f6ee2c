import { setImmediate as turn } from "node:timers/promises";
import type { Clock, Planned, Timer } from "../../wire/clock.js";

/** The longest time of a timer of Node. */
const MAX_MS = 2 ** 31 - 1;

interface Alarm {
  readonly ms: number;
  readonly callback: () => void;
  readonly again: boolean;
  dueMs: number;
}

/**
 * A clock whose time passes only when a test says so. What is to happen soon happens at the end of the turn, as on the
 * system's clock: so sockets can be read in between.
 */
export class VirtualClock implements Clock {
  readonly #alarms = new Set<Alarm>();
  readonly #startMs: number;
  #nowMs = 0;
  #soon = 0;

  /** @param startMs what the wall clock shows at first, in ms since 1970 */
  constructor(startMs = Date.UTC(2030, 0)) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  wallTime(): number {
    return this.#startMs + this.#nowMs;
  }

  /** Timers that run. */
  get timers(): number {
    return this.#alarms.size;
  }

  /** How long each of them still runs, in ms. */
  waits(): number[] {
    return [...this.#alarms].map(({ dueMs }) => dueMs - this.#nowMs);
  }

  after(ms: number, callback: () => void): Timer {
    return this.#set(ms, callback, false);
  }

  every(ms: number, callback: () => void): Planned {
    return this.#set(ms, callback, true);
  }

  soon(callback: () => void): Planned {
    this.#soon++;
    let open = true;
    const close = () => {
      if (open) this.#soon--;
      open = false;
    };
    const immediate = setImmediate(() => {
      close();
      callback();
    });
    return {
      cancel: () => {
        close();
        clearImmediate(immediate);
      },
    };
  }

  /** Lets time pass: each timer fires at its time, and what follows from it comes before the next one. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await this.#settle();
    for (let next = this.#next(untilMs); next; next = this.#next(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#fire(next);
      await this.#settle();
    }
    this.#nowMs = untilMs;
  }

  /** The process stands still for so long. What was due meanwhile fires after that. */
  async standStill(ms: number): Promise<void> {
    this.#nowMs += ms;
    await this.advance(0);
  }

  #set(ms: number, callback: () => void, again: boolean): Timer {
    if (!(ms <= MAX_MS)) throw new RangeError(`a timer of ${ms} ms would fire at once`);
    const alarm: Alarm = { ms: Math.max(1, ms), callback, again, dueMs: 0 };
    const start = () => {
      alarm.dueMs = this.#nowMs + alarm.ms;
    };
    start();
    this.#alarms.add(alarm);
    return {
      refresh: start,
      cancel: () => {
        this.#alarms.delete(alarm);
      },
    };
  }

  #next(untilMs: number): Alarm | undefined {
    let next: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.dueMs <= untilMs && (!next || alarm.dueMs < next.dueMs)) next = alarm;
    }
    return next;
  }

  #fire(alarm: Alarm): void {
    if (alarm.again) alarm.dueMs = this.#nowMs + alarm.ms;
    else this.#alarms.delete(alarm);
    alarm.callback();
  }

  async #settle(): Promise<void> {
    do await turn();
    while (this.#soon > 0);
  }
}
