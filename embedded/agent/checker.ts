import type { CheckStatusInfo } from "../../gen/mesos/v1/mesos.js";
import type { Clock } from "../clock.js";
import { look, type Probe, type ProbePlace } from "./checkProbe.js";

/** Seconds, with Mesos's defaults where they are not set. */
interface Times {
  readonly delaySeconds?: number | undefined;
  readonly intervalSeconds?: number | undefined;
  readonly timeoutSeconds?: number | undefined;
}

const DEFAULT_DELAY_SECONDS = 15;
const DEFAULT_INTERVAL_SECONDS = 10;
const DEFAULT_TIMEOUT_SECONDS = 20;

export interface CheckerOptions {
  readonly clock: Clock;
  readonly probe: Probe;
  readonly place: ProbePlace;
  readonly times: Times;
  /** Undefined when a look had no result: it failed, or took too long. */
  onResult(result: CheckStatusInfo | undefined): void;
  /** Takes what `onResult` throws. */
  fault(error: unknown): void;
}

/** Looks at a task again and again: first after the delay, then an interval after each result. */
export class Checker {
  readonly #options: CheckerOptions;
  readonly #stopped = new AbortController();
  #cancel: () => void;

  constructor(options: CheckerOptions) {
    this.#options = options;
    this.#cancel = this.#after(options.times.delaySeconds ?? DEFAULT_DELAY_SECONDS);
  }

  stop(): void {
    this.#stopped.abort();
    this.#cancel();
  }

  #after(seconds: number): () => void {
    return this.#options.clock.setTimeout(() => {
      this.#look().catch(this.#options.fault);
    }, seconds * 1000);
  }

  async #look(): Promise<void> {
    const { clock, probe, place, times, onResult } = this.#options;
    const timedOut = new AbortController();
    const seconds = times.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    // Zero: it may take as long as it takes.
    const cancelTimeout = seconds > 0 ? clock.setTimeout(() => timedOut.abort(), seconds * 1000) : () => {};
    const signal = AbortSignal.any([this.#stopped.signal, timedOut.signal]);
    const result = await look(probe, place, signal).catch(() => undefined);
    cancelTimeout();
    if (this.#stopped.signal.aborted) return;
    this.#cancel = this.#after(times.intervalSeconds ?? DEFAULT_INTERVAL_SECONDS);
    onResult(result);
  }
}
