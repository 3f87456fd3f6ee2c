import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 250;

/** How a process waits to take another's place. */
export interface Handover {
  /** When to stop waiting, for all attempts together, on the clock of `performance.now()`. */
  readonly deadlineMs: number;
  /** True for an error that goes away when the other process ends. */
  readonly isBusy: (error: unknown) => boolean;
  /** Called once, with the first such error, when the wait begins. */
  readonly onWait: (error: Error) => void;
}

/**
 * Repeats an attempt that fails while another process holds a directory or a port, until it works.
 *
 * @throws Error the last failure when the time is over, or an error that waiting can't fix
 */
export async function inSuccession<T>(attempt: () => Promise<T>, handover: Handover): Promise<T> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await attempt();
    } catch (error) {
      if (!handover.isBusy(error) || performance.now() >= handover.deadlineMs) throw error;
      if (isFirst && error instanceof Error) handover.onWait(error);
    }
    await sleep(POLL_MS);
  }
}
