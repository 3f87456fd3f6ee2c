import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Identity } from "./identity.js";

const MAX_TOKENS = 10_000;
const NAME = /^[A-Za-z0-9._@:/-]{1,128}$/;
const HASH = /^[0-9a-f]{64}$/;
const TOKEN_BYTES = 32;
const PREFIX = "mbt_";

/** What a file is that was cut off while it was written. Nobody means to take all tokens away with it. */
const EMPTY = "is empty: add a line that mesos-bridge token new NAME prints, or '# none' if no token is to count";

interface Entry {
  readonly hash: Buffer;
  readonly identity: Identity;
}

/** The tokens of clients, as hashes: whoever reads the file can't use them. */
export class TokenList {
  /** By a digest that no client can foresee, so that the time of a look-up says nothing of the hashes that are there. */
  readonly #entries = new Map<string, Entry>();
  readonly #secret = randomBytes(32);

  /**
   * @param content lines of `NAME SHA256`; empty ones and those that begin with `#` don't count
   * @throws Error that names the line and what to do, and not what it holds
   */
  constructor(content: string) {
    if (content.trim() === "") throw new Error(EMPTY);
    const names = new Set<string>();
    for (const [at, line] of content.split("\n").entries()) {
      const text = line.trim();
      if (text === "" || text.startsWith("#")) continue;
      try {
        this.#add(text, names);
      } catch (error) {
        throw new Error(`line ${at + 1} ${(error as Error).message}`);
      }
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whose token has this SHA-256 hash. */
  identityOf(hash: Buffer): Identity | undefined {
    const entry = this.#entries.get(this.#blinded(hash));
    return entry && timingSafeEqual(entry.hash, hash) ? entry.identity : undefined;
  }

  #add(text: string, names: Set<string>): void {
    const [name = "", hex = "", ...more] = text.split(/\s+/);
    if (more.length > 0 || !HASH.test(hex.toLowerCase())) {
      throw new Error(
        "is not 'NAME SHA256', with a hash of 64 hexadecimal digits: make it with mesos-bridge token new NAME",
      );
    }
    if (!NAME.test(name)) throw new Error("has a name of other characters than letters, digits and . _ @ : / -");
    if (names.has(name)) throw new Error(`has the name '${name}' again: give each token a name of its own`);
    names.add(name);
    const hash = Buffer.from(hex, "hex");
    const key = this.#blinded(hash);
    if (this.#entries.has(key)) throw new Error("has the hash of another line: make a token for each name");
    if (this.#entries.size >= MAX_TOKENS) throw new Error(`is one too many: a file may hold ${MAX_TOKENS} tokens`);
    this.#entries.set(key, { hash, identity: { kind: "token", names: [`token:${name}`] } });
  }

  #blinded(hash: Buffer): string {
    return createHmac("sha256", this.#secret).update(hash).digest("base64");
  }
}

/** @throws Error that says what a name may hold */
export function checkTokenName(name: string): void {
  if (!NAME.test(name)) {
    throw new Error("is not a name: use 1 to 128 letters, digits and . _ @ : / -");
  }
}

/** The hash of a token, as the list has it. */
export function tokenHash(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** A token that can't be guessed. */
export function newToken(): string {
  return PREFIX + randomBytes(TOKEN_BYTES).toString("base64url");
}
