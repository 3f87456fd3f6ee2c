import type { SchedulerEvent } from "./events.js";
import type { Scheduler } from "./scheduler.js";

export interface EventLoopOptions {
  onEvent: (event: SchedulerEvent) => Promise<void>;
  /** What time brings. */
  onTick: () => Promise<void>;
  tickMs: number;
}

/**
 * Reads a scheduler's events until they end, and calls `onTick` again and again meanwhile: one thing after the other, so
 * that none of them finds what another one has half done.
 *
 * @throws BridgeError as `events()`, and what `onEvent` and `onTick` throw
 */
export async function runEventLoop(scheduler: Scheduler, { onEvent, onTick, tickMs }: EventLoopOptions): Promise<void> {
  let turn = Promise.resolve();
  let failure: { error: unknown } | undefined;
  const inTurn = (work: () => Promise<void>) => {
    turn = turn.then(work);
    return turn;
  };
  let ticking = false;
  const timer = setInterval(() => {
    if (ticking) return;
    ticking = true;
    inTurn(onTick).then(
      () => {
        ticking = false;
      },
      async (error: unknown) => {
        failure ??= { error };
        await scheduler.close(0);
      },
    );
  }, tickMs);
  try {
    for await (const event of scheduler.events()) await inTurn(() => onEvent(event));
  } finally {
    clearInterval(timer);
    await turn.catch(() => undefined);
    await scheduler.close();
  }
  if (failure !== undefined) throw failure.error;
}
