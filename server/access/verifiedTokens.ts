import type { Identity } from "./identity.js";

const MAX_TOKENS = 10_000;

interface Verified {
  readonly identity: Identity;
  /** When it counts no more, on the wall clock. */
  readonly endMs: number;
}

/** Tokens whose signature was checked with the keys of today, so that it need not be checked for each call. */
export class VerifiedTokens {
  /** By the token's hash; the one that was verified first comes first. */
  readonly #tokens = new Map<string, Verified>();

  get(hash: Buffer, nowMs: number): Identity | undefined {
    const key = hash.toString("base64");
    const found = this.#tokens.get(key);
    if (!found) return undefined;
    if (nowMs < found.endMs) return found.identity;
    this.#tokens.delete(key);
    return undefined;
  }

  add(hash: Buffer, identity: Identity, endMs: number): void {
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size >= MAX_TOKENS && oldest !== undefined) this.#tokens.delete(oldest);
    this.#tokens.set(hash.toString("base64"), { identity, endMs });
  }

  clear(): void {
    this.#tokens.clear();
  }
}
