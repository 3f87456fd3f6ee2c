/** Calls back when nothing refreshed it for its time. */
export class Watchdog {
  readonly #onSilence: (ms: number) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(onSilence: (ms: number) => void) {
    this.#onSilence = onSilence;
  }

  start(ms: number): void {
    this.stop();
    this.#timer = setTimeout(() => this.#onSilence(ms), ms);
  }

  refresh(): void {
    this.#timer?.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
