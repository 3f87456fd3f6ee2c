import { constants } from "node:os";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** The next SIGTERM or SIGINT, which asks for a regular exit. A second one ends the process at once. */
export async function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (asked) process.exit(128 + constants.signals[signal]);
        asked = true;
        resolve(signal);
      });
    }
  });
}
