import { type Clock, systemClock } from "./clock.js";

/**
 * Calls `next` once what waits in the sockets has been read: one turn of the event loop reads it, and the next hands on
 * what was read. Returns what takes that back.
 */
export function afterReading(next: () => void, clock: Clock = systemClock): () => void {
  let turn = clock.soon(() => {
    turn = clock.soon(next);
  });
  return () => turn.cancel();
}
