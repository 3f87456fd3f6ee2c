const SECOND_MS = 1_000;

/**
 * Calls back once a second, as a clock of the seconds in which this process ran: one that was stopped and goes on has
 * missed nothing by that. After a standstill the timer comes ahead of what waits in the sockets, so what is called back
 * waits for two turns of the event loop: one reads that, and the next hands it on.
 */
export class Sweep {
  readonly #look: () => void;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
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
    clearImmediate(this.#turn);
    this.#timer = undefined;
  }

  #tick(): void {
    clearImmediate(this.#turn);
    this.#turn = setImmediate(() => {
      this.#turn = setImmediate(() => {
        this.#second++;
        this.#look();
      });
    });
  }
}
