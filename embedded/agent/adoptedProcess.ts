import { type Clock, every } from "../clock.js";
import type { Container } from "./executor.js";
import { killTree, processStart } from "./processTree.js";

const LOOK_MS = 100;

/** A process of an earlier run of this agent. How it ends can't be known, only that it does. */
export class AdoptedProcess implements Container {
  readonly pid: number;
  readonly #start: string;
  readonly #stop: () => void;

  /** `onEnd` is called once, even if the process is already gone. */
  constructor(pid: number, start: string, clock: Clock, onEnd: () => void) {
    this.pid = pid;
    this.#start = start;
    this.#stop = every(clock, LOOK_MS, () => {
      if (this.#lives) return;
      this.#stop();
      onEnd();
    });
  }

  kill(): void {
    if (this.#lives) killTree(this.pid);
  }

  get #lives(): boolean {
    return processStart(this.pid) === this.#start;
  }
}
