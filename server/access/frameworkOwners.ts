import { identityLimit } from "./permissions/refusals.js";

/** After so many claims all owners are looked at once. */
const CLAIMS_A_SWEEP = 1_000;

/** What an identity is about to attach to. One of both is called when that is decided; what comes later does nothing. */
export interface Claim {
  attached(): void;
  failed(): void;
}

/** Frameworks of one identity, each with the number of its claims that are not decided yet. */
type Owned = Map<string, number>;

/** Which identity has which framework: the one that attached to it last, for as long as its session is open. */
export class FrameworkOwners {
  readonly #isOpen: (frameworkName: string) => boolean;
  readonly #owners = new Map<string, string>();
  /** What an identity owns, and what it is about to attach to, which has no session yet or belongs to another one. */
  readonly #owned = new Map<string, Owned>();
  #claims = 0;

  constructor(isOpen: (frameworkName: string) => boolean) {
    this.#isOpen = isOpen;
  }

  /** An identity is about to attach to a framework, which counts as its own from now on. @throws BridgeError IDENTITY_LIMIT */
  claim(owner: string, frameworkName: string, limit: number | undefined): Claim {
    if (++this.#claims % CLAIMS_A_SWEEP === 0) this.#sweep();
    const owned = this.#owned.get(owner) ?? new Map<string, number>();
    if (limit !== undefined && !owned.has(frameworkName)) this.#expectRoom(owner, owned, limit);
    this.#owned.set(owner, owned);
    owned.set(frameworkName, (owned.get(frameworkName) ?? 0) + 1);
    let decided = false;
    const decide = (attached: boolean) => {
      if (decided) return;
      decided = true;
      owned.set(frameworkName, (owned.get(frameworkName) ?? 1) - 1);
      if (attached) this.#give(frameworkName, owner);
      else if (this.#owners.get(frameworkName) !== owner) this.#release(frameworkName, owner);
    };
    return { attached: () => decide(true), failed: () => decide(false) };
  }

  #expectRoom(owner: string, owned: Owned, limit: number): void {
    if (owned.size >= limit) this.#forgetClosed(owner, owned);
    if (owned.size < limit) return;
    const advice = "close sessions that are not needed, or ask for a higher limit";
    throw identityLimit(owner, "frameworks", `${limit} frameworks`, advice);
  }

  /** Forgets frameworks without a session, so that names don't add up. */
  #sweep(): void {
    for (const [owner, owned] of this.#owned) this.#forgetClosed(owner, owned);
  }

  #give(frameworkName: string, owner: string): void {
    const before = this.#owners.get(frameworkName);
    this.#owners.set(frameworkName, owner);
    if (before !== undefined && before !== owner) this.#release(frameworkName, before);
  }

  /** Unless the identity is about to attach to it. */
  #release(frameworkName: string, owner: string): void {
    if (this.#owners.get(frameworkName) === owner) this.#owners.delete(frameworkName);
    const owned = this.#owned.get(owner);
    if (owned?.get(frameworkName) !== 0) return;
    owned.delete(frameworkName);
    if (owned.size === 0) this.#owned.delete(owner);
  }

  #forgetClosed(owner: string, owned: Owned): void {
    for (const [name, claims] of [...owned]) if (claims === 0 && !this.#isOpen(name)) this.#release(name, owner);
  }
}
