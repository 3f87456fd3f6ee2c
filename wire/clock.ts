/** Tells the time in ms, of which only differences mean something. */
export interface MonotonicClock {
  now(): number;
}

/** Something that is to happen, which can be taken back. */
export interface Planned {
  /** It does not happen any more. Does nothing once it has happened. */
  cancel(): void;
}

export interface Timer extends Planned {
  /** Starts its time from the beginning. Only for one that runs. */
  refresh(): void;
}

/** All that a program gets to know of time: the system's, or another one in a simulation. */
export interface Clock extends MonotonicClock {
  /** What the wall clock shows, in ms since 1970. It may jump. */
  wallTime(): number;
  /** Calls back once, after this time, of at most 24 days. */
  after(ms: number, callback: () => void): Timer;
  /** Calls back each time that this time has passed. It does not keep the process running. */
  every(ms: number, callback: () => void): Planned;
  /** Calls back at the end of this turn of the event loop, in the order of the calls. */
  soon(callback: () => void): Planned;
}

class SystemTimer implements Timer {
  readonly #timer: NodeJS.Timeout;

  constructor(timer: NodeJS.Timeout) {
    this.#timer = timer;
  }

  refresh(): void {
    this.#timer.refresh();
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}

/** The time of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after: (ms, callback) => new SystemTimer(setTimeout(callback, ms)),
  every(ms, callback) {
    const timer = setInterval(callback, ms).unref();
    return { cancel: () => clearInterval(timer) };
  },
  soon(callback) {
    const immediate = setImmediate(callback);
    return { cancel: () => clearImmediate(immediate) };
  },
};

/** Waits. Rejects with the signal's reason when it aborts. */
export function delay(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = clock.after(ms, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    const abort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}
