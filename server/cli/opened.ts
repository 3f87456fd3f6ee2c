/** What was opened, each with what closes it. All of it is closed in one place, however far its owner got. */
export class Opened {
  readonly #closers: (() => void | Promise<void>)[] = [];

  /** Closes it at the end. Returns it. */
  add<T extends { close(): void | Promise<void> }>(opened: T): T {
    this.onClose(() => opened.close());
    return opened;
  }

  /** Calls this at the end. */
  onClose(close: () => void | Promise<void>): void {
    this.#closers.push(close);
  }

  /**
   * Closes what was opened last first, one after the other, and each only once. One that fails keeps nothing else open.
   *
   * @throws what the first one that failed threw
   */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let close = this.#closers.pop(); close; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
