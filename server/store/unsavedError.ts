import type { KeptSize } from "./keptFrameworks.js";

/** When the store was closed, the disk did not hold all that it should. */
export class UnsavedError extends Error {
  override readonly name = "UnsavedError";

  constructor(dataDir: string, { frameworks, tasks }: KeptSize, reason: Error | undefined) {
    const what = `${counted(frameworks, "framework")} and ${counted(tasks, "task")}`;
    const why = reason ? `: ${reason.message}` : "";
    super(
      `what is known of ${what} is not stored, and lost with this process: the data directory ${dataDir} can't be written${why}`,
    );
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
