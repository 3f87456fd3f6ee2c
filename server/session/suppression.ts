import { keyOf } from "../../wire/keys.js";

/** For which roles offers are suppressed: by the client, and by the bridge while the client is away. */
export class Suppression {
  #roles: readonly string[];
  /** By their keys. */
  #byClient: Map<string, string>;
  #away = false;

  /** @param roles all roles of the framework. */
  constructor(roles: readonly string[], suppressedRoles: readonly string[]) {
    this.#roles = roles;
    this.#byClient = byKey(suppressedRoles);
  }

  /** True while the bridge suppresses offers because the client is away. */
  get away(): boolean {
    return this.#away;
  }

  /** What SUBSCRIBE has to say. */
  subscribeRoles(): readonly string[] {
    return this.#away ? this.#roles : [...this.#byClient.values()];
  }

  /** Roles that the client wants offers for. */
  wantedRoles(): string[] {
    return this.#roles.filter((role) => !this.#byClient.has(keyOf(role)));
  }

  setAway(away: boolean): void {
    this.#away = away;
  }

  /** The client suppressed roles; none given means all. */
  suppressed(roles: readonly string[]): void {
    for (const role of roles.length === 0 ? this.#roles : roles) this.#byClient.set(keyOf(role), role);
  }

  /** The client revived roles; none given means all. */
  revived(roles: readonly string[]): void {
    if (roles.length === 0) this.#byClient.clear();
    for (const role of roles) this.#byClient.delete(keyOf(role));
  }

  /** Goes back to what a SUBSCRIBE with these roles means. Tells which of its roles change by that. */
  reset(suppressedRoles: readonly string[]): { revived: string[]; suppressed: string[] } {
    const before = this.#byClient;
    const after = byKey(suppressedRoles);
    this.#byClient = after;
    const keyed = this.#roles.map((role) => ({ role, key: keyOf(role) }));
    const change = (from: Map<string, string>, to: Map<string, string>) =>
      keyed.filter(({ key }) => from.has(key) && !to.has(key)).map(({ role }) => role);
    return { revived: change(before, after), suppressed: change(after, before) };
  }

  /** The framework changed. */
  replaced(roles: readonly string[], suppressedRoles: readonly string[]): void {
    this.#roles = roles;
    this.#byClient = byKey(suppressedRoles);
  }
}

function byKey(roles: readonly string[]): Map<string, string> {
  const keyed = new Map<string, string>();
  for (const role of roles) keyed.set(keyOf(role), role);
  return keyed;
}
