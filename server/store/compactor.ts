import type { Log } from "../log.js";
import { Compaction } from "./compaction.js";
import type { KeptFrameworks } from "./keptFrameworks.js";
import { FileUnreliableError, type LogFile } from "./logFile.js";

/** After a compaction that failed, the log may grow so much before the next one. */
const RETRY_GROWTH = 1.25;

export type Progress =
  | { readonly kind: "nothing to do" }
  | { readonly kind: "more to do" }
  /** This is the log now; the one before can be closed. */
  | { readonly kind: "done"; readonly file: LogFile }
  /** Which of the two files lies under the log's name is not known. */
  | { readonly kind: "unreliable"; readonly error: FileUnreliableError };

/** Decides when a log is compacted, and has it done a little at a time. */
export class Compactor {
  readonly #kept: KeptFrameworks;
  readonly #log: Log;
  readonly #minBytes: number;
  #compaction: Compaction | undefined;
  /** How large the log has to be for the next try. */
  #nextFrom = 0;

  /** @param minBytes logs that are not larger than this are not worth it */
  constructor(kept: KeptFrameworks, log: Log, minBytes: number) {
    this.#kept = kept;
    this.#log = log;
    this.#minBytes = minBytes;
  }

  /** Does a little, while nobody commits to `file`. @param ready called when there is more to do after a wait */
  async step(file: LogFile, ready: () => void): Promise<Progress> {
    try {
      const isDue = file.end > this.#nextFrom && file.isWorthCompacting(this.#minBytes);
      if (!this.#compaction && !isDue) return { kind: "nothing to do" };
      this.#compaction ??= await Compaction.begin(file, this.#kept);
      if (this.#compaction.isWaiting) return { kind: "nothing to do" };
      const compacted = await this.#compaction.step(ready);
      if (!compacted) return { kind: "more to do" };
      this.#compaction = undefined;
      this.#nextFrom = 0;
      return { kind: "done", file: compacted };
    } catch (error) {
      await this.discard();
      if (error instanceof FileUnreliableError) return { kind: "unreliable", error };
      this.#log.warn({ err: error }, "the log of frameworks could not be compacted: it stays as it is");
      this.#nextFrom = file.end * RETRY_GROWTH;
      return { kind: "more to do" };
    }
  }

  /** Gives up what has been done. */
  async discard(): Promise<void> {
    const compaction = this.#compaction;
    this.#compaction = undefined;
    await compaction?.discard().catch(() => {});
  }
}
