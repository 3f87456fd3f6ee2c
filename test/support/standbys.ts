import { Batch, type BatchOptions, type BatchProgram } from "./batch.js";
import type { RunningProcess } from "./childProcess.js";
import { eventually } from "./eventually.js";

interface Instance {
  readonly program: BatchProgram;
  readonly process: RunningProcess;
}

/** The instances of one batch, which stand by while one of them is active. */
export class Standbys {
  readonly batch: Batch;
  readonly #options: BatchOptions;
  #instances: Instance[] = [];

  private constructor(batch: Batch, options: BatchOptions) {
    this.batch = batch;
    this.#options = options;
  }

  /** Starts an instance of each program. The first is active. */
  static async start(options: BatchOptions, programs: readonly BatchProgram[]): Promise<Standbys> {
    const whole = { ...options, standby: true };
    const instances = new Standbys(new Batch(whole, await options.cleanup.tempDir()), whole);
    for (const program of programs) {
      await instances.#add(program);
      await instances.active();
    }
    return instances;
  }

  /** Waits until an instance is active, and gives it. */
  async active(): Promise<Instance> {
    const isActive = ({ process }: Instance) =>
      /"kind":"(opened|standby|detached)"/.exec(lastRole(process.log()))?.[1] === "opened";
    return eventually(() => this.#instances.find(isActive), {
      what: `an active instance of ${this.batch.frameworkName}`,
    });
  }

  /** Kills the active instance, and starts its program again. Gives how long it took until another one was promoted, in ms. */
  async killActive(): Promise<number> {
    const active = await this.active();
    const took = await this.#promotedAfter(() => active.process.kill());
    this.#instances = this.#instances.filter((one) => one !== active);
    await this.#add(active.program);
    return took;
  }

  /** Stops the active instance in its tracks until another one is active. Gives how long that took, in ms. */
  async pauseActive(): Promise<number> {
    const active = await this.active();
    const took = await this.#promotedAfter(async () => active.process.signal("SIGSTOP"));
    active.process.signal("SIGCONT");
    return took;
  }

  async #add(program: BatchProgram): Promise<void> {
    this.#instances.push({ program, process: await this.batch.startClient(program) });
  }

  async #promotedAfter(work: () => Promise<unknown>): Promise<number> {
    const before = this.#promotions().length;
    const startMs = Date.now();
    await work();
    const promotedMs = await eventually(() => this.#promotions()[before], { what: "a promotion", timeoutMs: 60_000 });
    return promotedMs - startMs;
  }

  /** When the bridge promoted an instance, in ms since 1970. */
  #promotions(): number[] {
    const lines = this.#options.bridge.log().split("\n");
    const mine = lines.filter((line) => line.includes('"msg":"promoted"') && line.includes(this.batch.frameworkName));
    return mine.map((line) => Date.parse((JSON.parse(line) as { time: string }).time));
  }
}

/** The last line that says what an instance is. */
function lastRole(log: string): string {
  return log.split("\n").findLast((line) => /"kind":"(opened|standby|detached)"/.test(line)) ?? "";
}
