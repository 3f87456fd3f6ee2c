import { keyOf } from "../../wire/keys.js";

/** Roles by their keys. */
type Roles = Map<string, string>;

/** What Mesos is told of roles in one call. */
interface Telling {
  readonly keys: readonly string[];
  readonly suppressed: boolean;
}

/** For which roles offers are suppressed: by the client, and by the bridge while the client is away. */
export class Suppression {
  /** All roles of the framework. */
  #own: Roles;
  #byClient: Roles;
  #away = false;
  #term = 0;
  /** What Mesos was told last of a role. Nothing of one whose last call it did not take, or of which that is not known. */
  readonly #told = new Map<string, Telling>();
  /** The SUBSCRIBE that was sent last says that the one, and not the other, is suppressed. */
  #subscribing: readonly Telling[] = [];
  /** Tellings without an answer. */
  #unanswered = 0;

  /** @param roles all roles of the framework. */
  constructor(roles: readonly string[], suppressedRoles: readonly string[]) {
    this.#own = byKey(roles);
    this.#byClient = byKey(suppressedRoles);
  }

  /** True while the bridge suppresses offers because the client is away. */
  get away(): boolean {
    return this.#away;
  }

  /** What SUBSCRIBE has to say. */
  subscribeRoles(): readonly string[] {
    return [...(this.#away ? this.#own : this.#byClient).values()];
  }

  /** The same for a SUBSCRIBE that is sent now: `subscribed` counts on it. */
  subscribing(): readonly string[] {
    this.#subscribing = this.#tellings();
    return this.subscribeRoles();
  }

  /** Mesos took that SUBSCRIBE. */
  subscribed(): void {
    this.#told.clear();
    for (const telling of this.#subscribing) for (const key of telling.keys) this.#told.set(key, telling);
  }

  /** Roles of which Mesos may think something else than what is wanted now. */
  changes(): { revive: string[]; suppress: string[] } {
    const revive: string[] = [];
    const suppress: string[] = [];
    for (const [key, role] of this.#own) {
      const wanted = this.#isSuppressed(key);
      if (this.#told.get(key)?.suppressed !== wanted) (wanted ? suppress : revive).push(role);
    }
    return { revive, suppress };
  }

  /** Mesos is told, by a call whose answer `answered` gets. */
  tell(roles: readonly string[], suppressed: boolean): Telling {
    const telling: Telling = { keys: roles.map(keyOf), suppressed };
    for (const key of telling.keys) this.#told.set(key, telling);
    this.#unanswered++;
    return telling;
  }

  answered(telling: Telling, taken: boolean): void {
    this.#unanswered--;
    if (taken) return;
    for (const key of telling.keys) if (this.#told.get(key) === telling) this.#told.delete(key);
  }

  /** Grows with each client that does not continue where the one before it was. */
  get term(): number {
    return this.#term;
  }

  setAway(away: boolean): void {
    this.#away = away;
  }

  /** Mesos took the client's SUPPRESS of these roles; none given means all. */
  suppressed(roles: readonly string[]): void {
    if (roles.length === 0) this.#byClient = new Map(this.#own);
    const named = byKey(roles);
    if (!this.#ownAll(named)) return;
    for (const [key, role] of named) this.#byClient.set(key, role);
    this.#toldByClient(roles.length === 0 ? this.#own : named, true);
  }

  /** Mesos took the client's REVIVE of these roles; none given means all. */
  revived(roles: readonly string[]): void {
    if (roles.length === 0) this.#byClient.clear();
    const named = byKey(roles);
    if (!this.#ownAll(named)) return;
    for (const key of named.keys()) this.#byClient.delete(key);
    this.#toldByClient(roles.length === 0 ? this.#own : named, false);
  }

  /** Goes back to what a SUBSCRIBE with these roles means. */
  reset(suppressedRoles: readonly string[]): void {
    this.#term++;
    this.#byClient = byKey(suppressedRoles);
  }

  /** Roles for which offers are wanted are to be revived, although they are not suppressed: that ends their filters. */
  reviveAgain(): void {
    for (const key of this.#own.keys()) if (!this.#byClient.has(key)) this.#told.delete(key);
  }

  /** The framework changed, and Mesos has to be told by another SUBSCRIBE. */
  replaced(roles: readonly string[], suppressedRoles: readonly string[]): void {
    this.#own = byKey(roles);
    this.#byClient = byKey(suppressedRoles);
  }

  /** Mesos took the client's UPDATE_FRAMEWORK. */
  updated(roles: readonly string[], suppressedRoles: readonly string[]): void {
    this.replaced(roles, suppressedRoles);
    this.#told.clear();
    const revived = [...this.#own.keys()].filter((key) => !this.#byClient.has(key));
    this.#toldByClient(this.#byClient, true);
    this.#toldByClient(new Set(revived), false);
  }

  #isSuppressed(key: string): boolean {
    return this.#away || this.#byClient.has(key);
  }

  #tellings(): readonly Telling[] {
    const keys = [...this.#own.keys()];
    return [true, false].map((suppressed) => ({
      keys: keys.filter((key) => this.#isSuppressed(key) === suppressed),
      suppressed,
    }));
  }

  /** While a call of the bridge's own has no answer, which was made after the client's, it is not known what counts. */
  #toldByClient(roles: { keys(): Iterable<string> }, suppressed: boolean): void {
    const telling: Telling = { keys: [], suppressed };
    for (const key of roles.keys()) {
      if (this.#unanswered > 0) this.#told.delete(key);
      else this.#told.set(key, telling);
    }
  }

  /** Mesos drops a whole call with a role that the framework does not have, and says that it took it. */
  #ownAll(roles: Roles): boolean {
    for (const key of roles.keys()) if (!this.#own.has(key)) return false;
    return true;
  }
}

function byKey(roles: readonly string[]): Roles {
  const keyed: Roles = new Map();
  for (const role of roles) keyed.set(keyOf(role), role);
  return keyed;
}
