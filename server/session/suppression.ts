import { keyOf } from "../../wire/keys.js";

/** Roles by their keys. */
type Roles = Map<string, string>;

/** For which roles offers are suppressed: by the client, and by the bridge while the client is away. */
export class Suppression {
  /** All roles of the framework. */
  #own: Roles;
  #byClient: Roles;
  #away = false;

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

  /** Roles that the client wants offers for. */
  wantedRoles(): string[] {
    return this.#ownThat((key) => !this.#byClient.has(key));
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
  }

  /** Mesos took the client's REVIVE of these roles; none given means all. */
  revived(roles: readonly string[]): void {
    if (roles.length === 0) this.#byClient.clear();
    const named = byKey(roles);
    if (!this.#ownAll(named)) return;
    for (const key of named.keys()) this.#byClient.delete(key);
  }

  /** Goes back to what a SUBSCRIBE with these roles means. Tells which of its roles change by that. */
  reset(suppressedRoles: readonly string[]): { revived: string[]; suppressed: string[] } {
    const before = this.#byClient;
    const after = byKey(suppressedRoles);
    this.#byClient = after;
    return {
      revived: this.#ownThat((key) => before.has(key) && !after.has(key)),
      suppressed: this.#ownThat((key) => !before.has(key) && after.has(key)),
    };
  }

  /** The framework changed. */
  replaced(roles: readonly string[], suppressedRoles: readonly string[]): void {
    this.#own = byKey(roles);
    this.#byClient = byKey(suppressedRoles);
  }

  #ownThat(test: (key: string) => boolean): string[] {
    const roles: string[] = [];
    for (const [key, role] of this.#own) if (test(key)) roles.push(role);
    return roles;
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
