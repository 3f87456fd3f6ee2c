/** What waits for offers says why after so long, in ms. */
const PATIENCE_MS = 5_000;

/** Why things wait for offers. Each reason is told once, if the wait takes long. */
export class WaitReasons {
  readonly #say: (line: string) => void;
  readonly #waits = new Map<string, { why: string; sinceMs: number; told: Set<string> }>();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** Why it waits; undefined while it does not. */
  of(name: string): string | undefined {
    return this.#waits.get(name)?.why;
  }

  /**
   * Takes what waits now. What offers say is more than that there are none.
   *
   * @param waits  why, by name
   * @param offered  whether there were offers
   */
  note(waits: ReadonlyMap<string, string>, offered: boolean, nowMs: number): void {
    for (const name of this.#waits.keys()) if (!waits.has(name)) this.#waits.delete(name);
    for (const [name, why] of waits) {
      const wait = this.#waits.get(name) ?? { why: `${name}: no offers come`, sinceMs: nowMs, told: new Set() };
      if (offered) wait.why = why;
      this.#waits.set(name, wait);
      if (nowMs - wait.sinceMs < PATIENCE_MS || wait.told.has(wait.why)) continue;
      wait.told.add(wait.why);
      this.#say(wait.why);
    }
  }
}
