import { PatientTimer } from "../../../wire/patientTimer.js";

/**
 * Does `work` with a signal that aborts with the first of `signals`, or after `ms`.
 *
 * @returns what `work` returns; `expired()` says whether the time is up, even while it runs
 */
export async function withDeadline<T>(
  ms: number,
  signals: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal, expired: () => boolean) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timeIsUp = false;
  const abort = () => controller.abort();
  // What has come while the process stood still is read before the time is up.
  const timer = new PatientTimer(() => {
    timeIsUp = true;
    abort();
  });
  timer.start(ms);
  for (const signal of signals) {
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
  }
  try {
    return await work(controller.signal, () => timeIsUp);
  } finally {
    timer.stop();
    for (const signal of signals) signal?.removeEventListener("abort", abort);
  }
}
