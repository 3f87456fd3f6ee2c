/** Runs `onIdle` after a time without work. Starting and stopping it again and again is fine. */
export class IdleTimer {
  readonly #timeoutMs: number | undefined;
  readonly #onIdle: (signal: AbortSignal) => void;
  #running: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param timeoutMs undefined: never
   * @param onIdle gets a signal that is aborted when work comes while it decides
   */
  constructor(timeoutMs: number | undefined, onIdle: (signal: AbortSignal) => void) {
    this.#timeoutMs = timeoutMs;
    this.#onIdle = onIdle;
  }

  /** Starts the time from the beginning. */
  start(): void {
    this.stop();
    if (this.#timeoutMs === undefined) return;
    const running = new AbortController();
    this.#running = running;
    this.#timer = setTimeout(() => this.#onIdle(running.signal), this.#timeoutMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = undefined;
  }
}
