import { Backoff } from "../../wire/backoff.js";
import type { Timer } from "../../wire/clock.js";
import { storeUnavailable } from "./errors.js";
import type { Forgotten, FrameworkRecord, FrameworkStore } from "./frameworkStore.js";
import { sameRecord } from "./sameRecord.js";
import type { Surroundings } from "./surroundings.js";

export interface RecordWriterOptions extends Surroundings {
  readonly store: FrameworkStore;
  /** A client's wish holds from now on. */
  accepted(): void;
  /** The framework has no session, and the disk holds what is kept: this writer is not needed any more. */
  idle(): void;
}

export interface ProposalHost {
  /** Throws if what is on the disk now is not wanted any more. */
  stillWanted(): void;
  /** It holds from this moment on. */
  accept(before: FrameworkRecord | undefined): void;
}

/** How often a write is tried again: soon, for a disk that was full for a moment, and for as long as it takes. */
const RETRY = { initialMs: 500, maxMs: 15_000 };

/**
 * The one writer of a framework's record. What has happened already (Mesos took an update, a client left) holds at
 * once, and the disk follows as soon as it can. What a client asks for holds only once it is on the disk. What happens
 * while that is being written is added to it, so that neither undoes the other.
 */
export class RecordWriter {
  readonly frameworkName: string;
  readonly #options: RecordWriterOptions;
  readonly #backoff: Backoff;
  /** What holds; undefined where there is no such framework. */
  #kept: FrameworkRecord | undefined;
  /** What a client asks for, while it is being written. */
  #proposal: { record: FrameworkRecord } | undefined;
  /** What the disk holds, and what it will hold if the writes under way succeed. */
  #saved: FrameworkRecord | undefined;
  #issued: FrameworkRecord | undefined;
  /** What the disk has of a framework that is gone. */
  #forgotten: Forgotten | undefined;
  #retry: Timer | undefined;
  /** A write has failed, and the disk lacks what is kept. */
  #isOverdue = false;
  #closed = false;

  /** @param saved what the disk holds of the framework  @param kept what holds, if it is another thing */
  constructor(
    frameworkName: string,
    saved: FrameworkRecord | undefined,
    kept: FrameworkRecord | undefined,
    options: RecordWriterOptions,
  ) {
    this.frameworkName = frameworkName;
    this.#kept = kept;
    this.#saved = saved;
    this.#issued = saved;
    this.#options = options;
    this.#backoff = new Backoff({ ...RETRY, random: () => options.randomness.fraction() });
  }

  /** What holds of the framework; undefined where there is no such framework. */
  get record(): FrameworkRecord | undefined {
    return this.#kept;
  }

  /** The ids that the framework has, or is about to have. */
  get frameworkIds(): string[] {
    return [this.#kept, this.#proposal?.record].flatMap((record) => (record ? [record.frameworkId] : []));
  }

  get #isIdle(): boolean {
    if (this.#kept?.open || this.#proposal || this.#forgotten) return false;
    return same(this.#kept, this.#saved) && same(this.#kept, this.#issued);
  }

  /** Something has happened. */
  change(next: (record: FrameworkRecord) => FrameworkRecord): void {
    this.#apply(next);
    this.#follow();
  }

  /** The framework continues as another one, without its earlier tasks. @throws BridgeError STORE_UNAVAILABLE */
  async replace(next: (record: FrameworkRecord) => FrameworkRecord): Promise<void> {
    this.#forgotten ??= "tasks";
    this.#apply(next);
    await this.#put(this.#kept);
  }

  /**
   * Makes a client's wish what holds, once it is on the disk, and gives what holds then; undefined if the session ended
   * meanwhile. If it is not accepted, nothing has changed. One at a time.
   *
   * @throws BridgeError STORE_UNAVAILABLE, and what `stillWanted` throws
   */
  async propose(record: FrameworkRecord, { stillWanted, accept }: ProposalHost): Promise<FrameworkRecord | undefined> {
    const proposal = { record };
    this.#proposal = proposal;
    try {
      // Again, if something happened meanwhile: that has been added to the proposal, and may be on the disk without it.
      do await this.#put(proposal.record);
      while (this.#proposal === proposal && this.#issued !== proposal.record);
      if (this.#proposal !== proposal) return undefined;
      stillWanted();
    } catch (error) {
      if (this.#proposal === proposal) this.#proposal = undefined;
      this.#follow();
      throw error;
    }
    const before = this.#kept;
    this.#kept = proposal.record;
    this.#proposal = undefined;
    this.#noteStored();
    this.#options.accepted();
    accept(before);
    return proposal.record;
  }

  /** The session has ended, and the framework with it, or not. Resolves when the disk has been told; never rejects. */
  async end(next: "keep" | "forget"): Promise<void> {
    this.#proposal = undefined;
    if (next === "forget") {
      this.#kept = undefined;
      this.#forgotten = "tasks and state";
    } else if (this.#kept) {
      this.#kept = { ...this.#kept, open: false, detachedAtMs: undefined };
    }
    await this.#persist();
  }

  /** Ends the retries, after a last one. What is under way ends with the store. */
  close(): void {
    this.#retry?.cancel();
    this.#follow();
    this.#closed = true;
  }

  #apply(next: (record: FrameworkRecord) => FrameworkRecord): void {
    if (this.#kept) this.#kept = next(this.#kept);
    if (this.#proposal) this.#proposal.record = next(this.#proposal.record);
  }

  #follow(): void {
    this.#persist().catch(() => this.#persistLater());
  }

  /** Brings the disk to what is kept: now, and again later if that fails. Never rejects. */
  async #persist(): Promise<void> {
    if (this.#closed) return;
    try {
      if (this.#forgotten || !same(this.#kept, this.#issued)) await this.#put(this.#kept);
    } catch {
      // The store reports it. A later write may have been issued: what is kept then is looked at again.
      this.#persistLater();
    }
    this.#noteStored();
    if (this.#isIdle) this.#options.idle();
  }

  #noteStored(): void {
    if (this.#isOverdue && !this.#forgotten && same(this.#kept, this.#saved)) this.#setOverdue(false);
  }

  #setOverdue(isOverdue: boolean): void {
    this.#isOverdue = isOverdue;
    this.#options.store.setOverdue(this.frameworkName, isOverdue);
  }

  #persistLater(): void {
    this.#setOverdue(true);
    if (this.#closed) return;
    this.#retry ??= this.#options.clock.after(this.#backoff.next(), () => {
      this.#retry = undefined;
      this.#follow();
    });
  }

  /** The store takes writes in their order, and one that fails changes nothing. */
  async #put(record: FrameworkRecord | undefined): Promise<void> {
    const forgotten = this.#forgotten;
    this.#issued = record;
    this.#forgotten = undefined;
    try {
      await this.#write(record, forgotten);
    } catch (error) {
      if (this.#issued === record) this.#issued = this.#saved;
      if (this.#forgotten !== "tasks and state") this.#forgotten = forgotten ?? this.#forgotten;
      throw storeUnavailable(error);
    }
    this.#saved = record;
    this.#backoff.reset();
    this.#noteStored();
  }

  #write(record: FrameworkRecord | undefined, forgotten: Forgotten | undefined): Promise<void> {
    const { store } = this.#options;
    if (!record) return store.remove(this.frameworkName);
    return forgotten ? store.replace(record, forgotten) : store.put(record);
  }
}

function same(one: FrameworkRecord | undefined, other: FrameworkRecord | undefined): boolean {
  return one === other || (one !== undefined && other !== undefined && sameRecord(one, other));
}
