/** What is in trouble. The first sign of it is news, and the next ones only after all was well again. */
export class Troubles {
  readonly #known = new Set<string>();

  /** Takes a sign, good or bad. Gives whether it is news; a good one always is. */
  isNews(name: string, good: boolean): boolean {
    if (good) this.#known.delete(name);
    else if (this.#known.has(name)) return false;
    else this.#known.add(name);
    return true;
  }
}
