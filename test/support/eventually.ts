import { setTimeout as delay } from "node:timers/promises";

export interface Deadline {
  /** How long to wait at most, in milliseconds. Default 30 s, which only a crowded machine needs */
  timeoutMs?: number;
  /** What is waited for, for the error. */
  what?: string;
}

/**
 * Polls until `poll` gives something truthy, and gives that. What `poll` throws counts as "not yet", so assertions
 * can stand in it; the last one is the error's cause.
 *
 * @throws Error when the deadline passes
 */
export async function eventually<T>(poll: () => T | Promise<T>, options: Deadline = {}): Promise<NonNullable<T>> {
  const { timeoutMs = 30_000, what = "the condition" } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let last: unknown;
    try {
      const value = await poll();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= deadline) throw timedOut(what, timeoutMs, last);
    await delay(20);
  }
}

function timedOut(what: string, timeoutMs: number, last: unknown): Error {
  const state = last instanceof Error ? last.message : JSON.stringify(last);
  return new Error(`${what} did not come within ${timeoutMs} ms; last: ${state}`, { cause: last });
}

/** Gives what the promise gives, or fails when the deadline passes first. The promise itself goes on. */
export async function within<T>(
  promise: Promise<T>,
  { timeoutMs = 30_000, what = "the promise" }: Deadline = {},
): Promise<T> {
  const waiting = new AbortController();
  try {
    return await Promise.race([
      promise,
      delay(timeoutMs, undefined, { signal: waiting.signal }).then(() => {
        throw new Error(`${what} did not come within ${timeoutMs} ms`);
      }),
    ]);
  } finally {
    waiting.abort();
  }
}

export interface Deferred<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
}

/** A promise that somebody else settles. */
export function deferred<T = void>(): Deferred<T> {
  let settle: Omit<Deferred<T>, "promise"> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...(settle as Omit<Deferred<T>, "promise">) };
}
