/** Time as the embedded cluster sees it. All its timers go through one such object, so that tests can speed it up. */
export interface Clock {
  /** Milliseconds since 1970, with fractions. */
  now(): number;
  /** Runs `callback` once after `delayMs` and returns a function that cancels it. */
  setTimeout(callback: () => void, delayMs: number): () => void;
}

/** What Node's timers take at most; a longer delay is waited for in pieces. */
const MAX_TIMER_MS = 0x7fffffff;

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  setTimeout(callback, delayMs) {
    let timer: NodeJS.Timeout;
    const arm = (remaining: number) => {
      const piece = Math.min(remaining, MAX_TIMER_MS);
      timer = setTimeout(() => (remaining > piece ? arm(remaining - piece) : callback()), piece);
    };
    arm(Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};

/** Runs `callback` every `intervalMs` until the returned function is called. */
export function every(clock: Clock, intervalMs: number, callback: () => void): () => void {
  let stopped = false;
  let cancel = () => {};
  const arm = () => {
    cancel = clock.setTimeout(() => {
      callback();
      if (!stopped) arm();
    }, intervalMs);
  };
  arm();
  return () => {
    stopped = true;
    cancel();
  };
}
