import { afterReading } from "../../../wire/afterReading.js";

const SECOND_MS = 1_000;

/**
 * Calls back once a second, as a clock of the seconds in which this process ran: one that was stopped and resumes has
 * missed nothing by that. After a standstill the timer comes ahead of what waits in the sockets, which is read before it
 * calls back.
 */
export class Sweep {
  readonly #look: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** Takes back a call that waits for the sockets to be read. */
  #unread: (() => void) | undefined;
  #second = 0;

  constructor(look: () => void) {
    this.#look = look;
  }

  /** How often it has called back. */
  get second(): number {
    return this.#second;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), SECOND_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unread?.();
    this.#timer = undefined;
  }

  #tick(): void {
    this.#unread?.();
    this.#unread = afterReading(() => {
      this.#second++;
      this.#look();
    });
  }
}
