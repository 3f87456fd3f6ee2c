import { isatty } from "node:tty";

/** What signals ask for. */
export interface ReloadTarget {
  reload(): void;
  toggleDebug(): void;
}

const STDERR = 2;

/**
 * SIGHUP reads the configuration again, and SIGUSR2 switches debug lines on and off. What comes before there is a target
 * is remembered for it: without a handler both signals would end the process.
 */
export class ReloadSignals {
  readonly #hadTerminal = isatty(STDERR);
  readonly #pending = new Set<keyof ReloadTarget>();
  #target: ReloadTarget | undefined;

  constructor() {
    process.on("SIGHUP", () => {
      // A terminal that was closed sends the same signal, and nobody would end the bridge afterwards.
      if (this.#isTerminalGone()) process.kill(process.pid, "SIGTERM");
      else this.#ask("reload");
    });
    process.on("SIGUSR2", () => this.#ask("toggleDebug"));
  }

  /** From now on these signals are for the target. Undefined: for nobody. */
  setTarget(target: ReloadTarget | undefined): void {
    this.#target = target;
    if (target) for (const what of this.#pending) target[what]();
    this.#pending.clear();
  }

  /** Ends the process as a closed terminal does, if it was closed: Node's own exit would want to restore it, and abort. */
  endIfTerminalIsGone(): void {
    if (!this.#isTerminalGone()) return;
    process.removeAllListeners("SIGHUP");
    process.kill(process.pid, "SIGHUP");
  }

  #isTerminalGone(): boolean {
    return this.#hadTerminal && !isatty(STDERR);
  }

  #ask(what: keyof ReloadTarget): void {
    if (this.#target) this.#target[what]();
    else this.#pending.add(what);
  }
}
