import type { MonotonicClock } from "../../wire/clock.js";
import { identityLimit } from "./permissions/refusals.js";
import type { Limits } from "./permissions/rule.js";
import { TokenBucket } from "./tokenBucket.js";

/** What is limited by the number of open streams. */
type StreamKind = "attachments" | "observers";
const ADVICE: Record<StreamKind, string> = {
  attachments: "end one of them, or try again later",
  observers: "end one of them, or try again later",
};

/** What one identity takes of the bridge. Limits are given with each question: they may change at any time. */
export class Usage {
  readonly #caller: string;
  readonly #bucket: TokenBucket;
  readonly #open: Record<StreamKind, number> = { attachments: 0, observers: 0 };
  readonly #blocked = new Set<() => void>();
  #waitingBytes = 0;

  constructor(caller: string, clock: MonotonicClock) {
    this.#caller = caller;
    this.#bucket = new TokenBucket(clock);
  }

  /** Counts a call. @throws BridgeError IDENTITY_LIMIT */
  call({ "calls-per-second": limit }: Limits): void {
    if (limit === undefined || this.#bucket.take(limit)) return;
    throw identityLimit(this.#caller, "calls-per-second", `made ${limit} calls in a second`, "make calls more slowly");
  }

  /** Counts a stream in. Returns what counts it out, once. @throws BridgeError IDENTITY_LIMIT */
  stream(kind: StreamKind, limits: Limits): () => void {
    const limit = limits[kind];
    if (limit !== undefined && this.#open[kind] >= limit) {
      throw identityLimit(this.#caller, kind, `${limit} ${kind}`, ADVICE[kind]);
    }
    this.#open[kind]++;
    let counted = true;
    return () => {
      if (counted) this.#open[kind]--;
      counted = false;
    };
  }

  /** Bytes wait for the caller to take them, or, with a negative number, were taken or dropped. */
  waiting(bytes: number): void {
    this.#waitingBytes += bytes;
    if (bytes >= 0 || this.#blocked.size === 0) return;
    const blocked = [...this.#blocked];
    this.#blocked.clear();
    for (const again of blocked) again();
  }

  /** Sees that there is room for more. @throws BridgeError IDENTITY_LIMIT */
  admitBytes(limits: Limits): void {
    if (this.hasRoom(limits)) return;
    const limit = limits["waiting-bytes"];
    throw identityLimit(this.#caller, "waiting-bytes", `${limit} bytes that wait to be read`, "read the open streams");
  }

  hasRoom({ "waiting-bytes": limit }: Limits): boolean {
    return limit === undefined || this.#waitingBytes < limit;
  }

  /** Calls back once when something was taken. */
  onRoom(again: () => void): void {
    this.#blocked.add(again);
  }

  offRoom(again: () => void): void {
    this.#blocked.delete(again);
  }

  /** True if forgetting it forgets nothing but a second's calls. */
  get idle(): boolean {
    return this.#open.attachments + this.#open.observers + this.#waitingBytes + this.#blocked.size === 0;
  }
}
