/** For which roles offers are suppressed: by the client, and by the bridge while the client is away. */
export class Suppression {
  #roles: readonly string[];
  #byClient: Set<string>;
  #away = false;

  /** @param roles all roles of the framework. */
  constructor(roles: readonly string[], suppressedRoles: readonly string[]) {
    this.#roles = roles;
    this.#byClient = new Set(suppressedRoles);
  }

  /** True while the bridge suppresses offers because the client is away. */
  get away(): boolean {
    return this.#away;
  }

  /** What SUBSCRIBE has to say. */
  subscribeRoles(): readonly string[] {
    return this.#away ? this.#roles : [...this.#byClient];
  }

  /** Roles that the client wants offers for. */
  wantedRoles(): string[] {
    return this.#roles.filter((role) => !this.#byClient.has(role));
  }

  setAway(away: boolean): void {
    this.#away = away;
  }

  /** The client suppressed roles; none given means all. */
  suppressed(roles: readonly string[]): void {
    for (const role of roles.length === 0 ? this.#roles : roles) this.#byClient.add(role);
  }

  /** The client revived roles; none given means all. */
  revived(roles: readonly string[]): void {
    if (roles.length === 0) this.#byClient.clear();
    for (const role of roles) this.#byClient.delete(role);
  }

  /** Goes back to what a SUBSCRIBE with these roles means. Tells which of its roles change by that. */
  reset(suppressedRoles: readonly string[]): { revived: string[]; suppressed: string[] } {
    const before = this.#byClient;
    this.#byClient = new Set(suppressedRoles);
    return {
      revived: this.#roles.filter((role) => before.has(role) && !this.#byClient.has(role)),
      suppressed: this.#roles.filter((role) => !before.has(role) && this.#byClient.has(role)),
    };
  }

  /** The framework changed. */
  replaced(roles: readonly string[], suppressedRoles: readonly string[]): void {
    this.#roles = roles;
    this.#byClient = new Set(suppressedRoles);
  }
}
