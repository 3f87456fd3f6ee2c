import type { MasterSpec } from "./masterSpec.js";

/** Knows where the leading master is, as far as it can. Shared by all links of a bridge. */
export interface MasterDetector {
  /**
   * The master to try now. Waits while none is known, and then tells `onWaiting` why, at once and whenever the
   * reason changes; rejects when `signal` aborts.
   */
  next(signal: AbortSignal, onWaiting?: (reason: string) => void): Promise<URL>;
  /** A master said that `leader` leads (a 307). */
  redirected(leader: URL): void;
  /** `master` could not be used: another one is tried next. */
  failed(master: URL): void;
  /**
   * Calls `listener` when a master became the leader, be it the one before, or when there is none any more.
   * Returns what ends that.
   */
  onLeaderChanged(listener: (leader: URL | undefined) => void): () => void;
  /** What is known, for a person. */
  describe(): string;
  close(): Promise<void>;
}

/** Tries the masters of a list in turn, a leader that one of them named first. */
export class ListDetector implements MasterDetector {
  readonly #urls: readonly URL[];
  #index = 0;
  #leader: URL | undefined;

  constructor(spec: Extract<MasterSpec, { kind: "list" }>) {
    this.#urls = spec.urls;
  }

  async next(signal: AbortSignal): Promise<URL> {
    signal.throwIfAborted();
    const url = this.#leader ?? this.#urls[this.#index % this.#urls.length];
    if (url === undefined) throw new Error("the list of masters is empty");
    return url;
  }

  redirected(leader: URL): void {
    this.#leader = leader;
  }

  failed(master: URL): void {
    const current = this.#leader ?? this.#urls[this.#index % this.#urls.length];
    // Several links fail at the same master: only the first of them moves the list on.
    if (current?.origin !== master.origin) return;
    // Also when it was named by a master of the list: another one may know better.
    this.#leader = undefined;
    this.#index++;
  }

  onLeaderChanged(): () => void {
    return () => {};
  }

  describe(): string {
    return this.#urls.map((url) => url.host).join(",");
  }

  async close(): Promise<void> {}
}
