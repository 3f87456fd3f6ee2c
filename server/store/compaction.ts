import type { EntryWriter } from "./entryWriter.js";
import type { KeptFrameworks } from "./keptFrameworks.js";
import type { LogFile } from "./logFile.js";

type State =
  | { readonly kind: "copying"; readonly pieces: Iterator<EntryWriter> }
  | { readonly kind: "syncing" }
  | { readonly kind: "synced" }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * Writes a log anew without what is out of date, in steps between commits to the log as it is. What changes while the
 * copy is made is in it or not; then it gets all frames that the log has got since the copy began. As each of them says what is and
 * not what changes, the copy is right in the end.
 */
export class Compaction {
  readonly #source: LogFile;
  readonly #target: LogFile;
  /** Where the source ended when the copy began. */
  readonly #from: number;
  #state: State;
  /** Never rejects. */
  #syncing: Promise<void> = Promise.resolve();

  private constructor(source: LogFile, target: LogFile, pieces: Iterator<EntryWriter>) {
    this.#source = source;
    this.#target = target;
    this.#from = source.end;
    this.#state = { kind: "copying", pieces };
  }

  static async begin(source: LogFile, kept: KeptFrameworks): Promise<Compaction> {
    return new Compaction(source, await source.sibling(), kept.pieces());
  }

  /** True while there is nothing to do but to wait for the disk. */
  get isWaiting(): boolean {
    return this.#state.kind === "syncing";
  }

  /** Does a little of it, while nobody commits. Gives the new log when it is complete. @param ready called when `isWaiting` ends */
  async step(ready: () => void): Promise<LogFile | undefined> {
    switch (this.#state.kind) {
      case "copying": {
        const { done, value } = this.#state.pieces.next();
        if (!done) await this.#target.add(value);
        else this.#sync(ready);
        return undefined;
      }
      case "syncing":
        return undefined;
      case "failed":
        throw this.#state.error;
      case "synced":
        await this.#target.addFrames(this.#source, this.#from);
        await this.#target.publish();
        return this.#target;
    }
  }

  async discard(): Promise<void> {
    await this.#syncing;
    await this.#target.discard();
  }

  /** Most of the copy goes to the disk while commits continue. */
  #sync(ready: () => void): void {
    this.#state = { kind: "syncing" };
    this.#syncing = this.#target.sync().then(
      () => {
        this.#state = { kind: "synced" };
        ready();
      },
      (error: unknown) => {
        this.#state = { kind: "failed", error };
        ready();
      },
    );
  }
}
