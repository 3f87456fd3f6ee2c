import { identityLimit } from "./permissions/refusals.js";

/** After so many claims all owners are looked at once. */
const CLAIMS_A_SWEEP = 1_000;

/** Which identity has which framework: the one that attached to it last, for as long as its session is open. */
export class FrameworkOwners {
  readonly #isOpen: (frameworkName: string) => boolean;
  readonly #owners = new Map<string, string>();
  readonly #owned = new Map<string, Set<string>>();
  #claims = 0;

  constructor(isOpen: (frameworkName: string) => boolean) {
    this.#isOpen = isOpen;
  }

  /**
   * An identity is about to attach to a framework, which is its own from now on. Returns what takes that back if it does
   * not come to it. @throws BridgeError IDENTITY_LIMIT
   */
  claim(owner: string, frameworkName: string, limit: number | undefined): () => void {
    if (++this.#claims % CLAIMS_A_SWEEP === 0) this.#sweep();
    const before = this.#owners.get(frameworkName);
    if (before === owner) return () => {};
    const owned = this.#ownedBy(owner);
    if (limit !== undefined && owned.size >= limit) this.#forgetClosed(owner, owned);
    if (limit !== undefined && owned.size >= limit) {
      const advice = "close sessions that are not needed, or ask for a higher limit";
      throw identityLimit(owner, "frameworks", `${limit} frameworks`, advice);
    }
    this.#give(frameworkName, owner);
    return () => {
      if (this.#owners.get(frameworkName) !== owner) return;
      this.#release(frameworkName, owner);
      if (before !== undefined && this.#isOpen(frameworkName)) this.#give(frameworkName, before);
    };
  }

  /** Forgets frameworks without a session, so that names don't add up. */
  #sweep(): void {
    for (const [owner, owned] of this.#owned) this.#forgetClosed(owner, owned);
  }

  #ownedBy(owner: string): Set<string> {
    const known = this.#owned.get(owner);
    if (known) return known;
    const owned = new Set<string>();
    this.#owned.set(owner, owned);
    return owned;
  }

  #give(frameworkName: string, owner: string): void {
    const before = this.#owners.get(frameworkName);
    if (before !== undefined) this.#release(frameworkName, before);
    this.#owners.set(frameworkName, owner);
    this.#ownedBy(owner).add(frameworkName);
  }

  #release(frameworkName: string, owner: string): void {
    this.#owners.delete(frameworkName);
    const owned = this.#owned.get(owner);
    owned?.delete(frameworkName);
    if (owned?.size === 0) this.#owned.delete(owner);
  }

  #forgetClosed(owner: string, owned: ReadonlySet<string>): void {
    for (const name of [...owned]) if (!this.#isOpen(name)) this.#release(name, owner);
  }
}
