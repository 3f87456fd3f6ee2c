import type { Clock, Planned } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";
import type { Log } from "../log.js";
import { type KeySet, type KeySource, keySetFrom } from "./keySet.js";

/** A key that was withdrawn is refused a minute later at the latest, even if nothing can be fetched meanwhile. */
const FETCH_EVERY_MS = 20_000;
const FRESH_MS = 50_000;
/** A key that is new is known some seconds later: unknown keys make it look, but not more often than this. */
const COOLDOWN_MS = 3_000;
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 1024 * 1024;

/** The keys that an issuer publishes at a URL. */
export class IssuerKeys implements KeySource {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timer: Planned;
  readonly #ended = new AbortController();
  #keys: KeySet | undefined;
  /** When the request for the keys began. */
  #freshSince = Number.NEGATIVE_INFINITY;
  #lastTry = Number.NEGATIVE_INFINITY;
  #fetching: Promise<boolean> | undefined;
  /** Why the keys can't be fetched, as the log has it. */
  #failure: string | undefined;

  constructor(url: string, clock: Clock, log: Log) {
    this.#url = url;
    this.#clock = clock;
    this.#log = log;
    const look = () => {
      this.#fetch().catch((error: unknown) => log.error({ err: error }, "reading the issuer's keys failed"));
    };
    this.#timer = clock.every(FETCH_EVERY_MS, look);
    look();
  }

  keys(): KeySet | undefined {
    return this.#clock.now() - this.#freshSince < FRESH_MS ? this.#keys : undefined;
  }

  async refresh(): Promise<boolean> {
    if (this.#fetching) return this.#fetching;
    if (this.#clock.now() - this.#lastTry < COOLDOWN_MS) return this.#failure === undefined;
    return this.#fetch();
  }

  close(): void {
    this.#timer.cancel();
    this.#ended.abort();
  }

  /** False if it failed. */
  #fetch(): Promise<boolean> {
    this.#fetching ??= this.#read().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #read(): Promise<boolean> {
    const began = this.#clock.now();
    this.#lastTry = began;
    try {
      const text = await this.#get();
      if (text !== this.#keys?.text) this.#take(keySetFrom(text));
      this.#freshSince = began;
      if (this.#failure !== undefined)
        this.#log.info({ url: this.#url }, "the keys of the issuer of tokens can be read again");
      this.#failure = undefined;
      return true;
    } catch (error) {
      this.#failed(whyNot(error));
      return false;
    }
  }

  #take(keys: KeySet): void {
    this.#log.info({ url: this.#url }, "the issuer of tokens has new keys: they are used from now on");
    this.#keys = keys;
  }

  #failed(reason: string): void {
    if (this.#ended.signal.aborted || reason === this.#failure) return;
    this.#failure = reason;
    this.#log.warn({ url: this.#url, reason }, "the keys of the issuer of tokens can't be read: trying again");
  }

  async #get(): Promise<string> {
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const response = await fetch(this.#url, { signal, redirect: "error", headers: { accept: "application/json" } });
    if (response.status !== 200 || !response.body) {
      await response.body?.cancel();
      throw new Error(`it answers ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) throw new Error(`its answer has more than ${MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }
}

/** What fetch says is only that it failed; its cause says why. */
function whyNot(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? errorText(error.cause) : errorText(error);
}
