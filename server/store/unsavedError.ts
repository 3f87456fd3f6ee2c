import type { KeptSize } from "./keptFrameworks.js";
import { sizeText } from "./sizeText.js";

/** When the store was closed, the disk did not hold all that it should. */
export class UnsavedError extends Error {
  override readonly name = "UnsavedError";

  constructor(dataDir: string, size: KeptSize, reason: Error | undefined) {
    const why = reason ? `: ${reason.message}` : "";
    super(
      `what is known of ${sizeText(size)} is not stored, and lost with this process: the data directory ${dataDir} can't be written${why}`,
    );
  }
}
