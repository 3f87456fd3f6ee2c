import type { MonotonicClock } from "../../wire/clock.js";
import { identityLimit } from "./permissions/refusals.js";
import type { Limits } from "./permissions/rule.js";
import { TokenBucket } from "./tokenBucket.js";

const ADVICE = "end one of them, or try again later";

/** What one identity takes of the bridge. Limits are given with each question: they may change at any time. */
export class Usage {
  readonly #caller: string;
  readonly #bucket: TokenBucket;
  /** Open streams by the frameworks that they are attached to. */
  readonly #attachments = new Map<string, number>();
  #observers = 0;
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

  /**
   * Counts an attachment in. Those to one framework count once: the newest supersedes the others, which may stand until
   * their client's end is noticed. Returns what counts it out, once. @throws BridgeError IDENTITY_LIMIT
   */
  attachment(frameworkName: string, { attachments: limit }: Limits): () => void {
    const attachments = this.#attachments;
    const isNew = !attachments.has(frameworkName);
    if (limit !== undefined && isNew && attachments.size >= limit) {
      throw identityLimit(this.#caller, "attachments", `${limit} attachments`, ADVICE);
    }
    attachments.set(frameworkName, (attachments.get(frameworkName) ?? 0) + 1);
    return once(() => {
      const left = (attachments.get(frameworkName) ?? 1) - 1;
      if (left > 0) attachments.set(frameworkName, left);
      else attachments.delete(frameworkName);
    });
  }

  /** Counts a Watch stream in. Returns what counts it out, once. @throws BridgeError IDENTITY_LIMIT */
  observer({ observers: limit }: Limits): () => void {
    if (limit !== undefined && this.#observers >= limit) {
      throw identityLimit(this.#caller, "observers", `${limit} observers`, ADVICE);
    }
    this.#observers++;
    return once(() => this.#observers--);
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
    return this.#attachments.size + this.#observers + this.#waitingBytes + this.#blocked.size === 0;
  }
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}
