/** Keeps this thread from running, and so from reading its sockets, as a signal that stops the process does. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
