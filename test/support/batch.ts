import { writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { Bridge } from "./bridge.js";
import { BridgeScheduler } from "./bridgeScheduler.js";
import { type RunningProcess, startProcess } from "./childProcess.js";
import type { Cleanup } from "./cleanup.js";
import { eventually } from "./eventually.js";
import { getJson } from "./http.js";
import { unique } from "./messages.js";
import { at } from "./paths.js";

export interface BatchOptions {
  bridge: Bridge;
  /** As `http://127.0.0.1:5050`. */
  master: string;
  cleanup: Cleanup;
  /** Default 60 */
  count?: number;
  /** How long each task takes. Default 0.3 */
  seconds?: number;
  /** What the client asks for. Default 120 s */
  leaseMs?: number;
  /** Tasks end in groups of so many, one after the other, as `nextGroup` says. Default: each on its own */
  groupSize?: number;
  /** Clients wait while another one is active. Default false */
  standby?: boolean;
}

/** A program that is a client of a batch, as `batchClient.mjs` is: it gets the settings as its last argument. */
export interface BatchProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export const IN_TYPESCRIPT: BatchProgram = { command: process.execPath, args: [at("test/support/batchClient.mjs")] };

interface Line {
  kind: string;
  task?: string;
  state?: string;
  owed?: boolean | number;
  linked?: boolean;
}

/** What the tests read of /master/state. */
interface MasterState {
  frameworks: { id: string; name: string; tasks: { state: string }[]; offers: { id: string }[] }[];
}

const TERMINAL = /^(FINISHED|FAILED|KILLED|LOST|ERROR|DROPPED|GONE|GONE_BY_OPERATOR)$/;

/** A batch of short tasks that a client process runs, while a test breaks what it can. */
export class Batch {
  readonly count: number;
  readonly frameworkName = unique("batch");
  readonly #options: BatchOptions;
  readonly #dir: string;
  readonly #clients: RunningProcess[] = [];
  #groups = 0;

  /** @param dir where its clients have their ledger */
  constructor(options: BatchOptions, dir: string) {
    this.#options = options;
    this.count = options.count ?? 60;
    this.#dir = dir;
  }

  static async start(options: BatchOptions, program?: BatchProgram): Promise<Batch> {
    const batch = new Batch(options, await options.cleanup.tempDir());
    await batch.startClient(program);
    return batch;
  }

  /** Starts the client, or the next one, which goes on where the ledger ends. */
  async startClient({ command, args, env = process.env }: BatchProgram = IN_TYPESCRIPT): Promise<RunningProcess> {
    const { bridge, cleanup, leaseMs = 120_000, standby = false } = this.#options;
    const settings = {
      bridge: bridge.address,
      frameworkName: this.frameworkName,
      count: this.count,
      ledger: join(this.#dir, "ledger"),
      command: this.#command(),
      leaseMs,
      standby,
    };
    const whole = [...args, JSON.stringify(settings)];
    const client = cleanup.use(await startProcess({ command, args: whole, env, ready: /"started"/ }));
    this.#clients.push(client);
    return client;
  }

  /** What each task does, whose id stands for TASK: it says that it runs, and takes its time. */
  #command(): string {
    const { seconds = 0.3, groupSize } = this.#options;
    const says = `echo $$ > '${this.#dir}/TASK.'$$`;
    if (groupSize === undefined) return `${says}; sleep ${seconds}`;
    const group = `task=TASK; group=$((${"$"}{task##*.} / ${groupSize}))`;
    return `${says}; ${group}; while [ ! -e ${this.#dir}/group-$group ]; do sleep 0.05; done`;
  }

  /** Lets the next group of tasks end. */
  nextGroup(): void {
    writeFileSync(join(this.#dir, `group-${this.#groups++}`), "");
  }

  /** Ends the client as a crash does. */
  async killClient(): Promise<void> {
    await this.#clients.at(-1)?.kill();
  }

  /** Stops the client in its tracks, or lets it go on. */
  signalClient(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#clients.at(-1)?.signal(signal);
  }

  /** What all clients have seen so far. */
  lines(): Line[] {
    const text = this.#clients.map((client) => client.log()).join("\n");
    const whole = text.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"));
    return whole.map((line) => JSON.parse(line) as Line);
  }

  /** Waits until the clients have seen so many updates. */
  async updates(count: number): Promise<void> {
    const seen = () => this.lines().filter(({ kind }) => kind === "update").length;
    await eventually(() => seen() >= count, {
      what: `${count} updates of ${this.frameworkName}`,
      timeoutMs: 60_000,
    });
  }

  /** Waits until the clients have seen the end of so many tasks. */
  async ended(count: number): Promise<void> {
    await eventually(() => this.#ends().size >= count, { what: `the end of ${count} tasks`, timeoutMs: 60_000 });
  }

  /** Waits until so many tasks have been seen to run. */
  async running(count: number): Promise<void> {
    const seen = () => this.lines().filter(({ state, owed }) => state === "RUNNING" && owed).length >= count;
    await eventually(seen, { what: `${count} running tasks of ${this.frameworkName}`, timeoutMs: 60_000 });
  }

  /** Does what takes the bridge away, and waits until the client has noticed, or needs it no more. */
  async loses(takeAway: () => Promise<void>): Promise<void> {
    const detached = () => this.lines().filter(({ kind }) => kind === "detached").length;
    const before = detached();
    await takeAway();
    await eventually(() => detached() > before || this.lines().some(({ kind }) => kind === "done"), {
      what: `the client of ${this.frameworkName} without a bridge`,
    });
  }

  /** Waits until what Mesos has of tasks has ended: the updates wait for someone who acknowledges them. */
  async allEndedAtMesos(): Promise<void> {
    await this.#atMesos("the end of all tasks", ({ tasks }) => {
      return tasks.length > 0 && tasks.every(({ state }) => TERMINAL.test(state.replace("TASK_", "")));
    });
  }

  /** Waits until the client has so many offers that it has not answered. */
  async offered(count: number): Promise<void> {
    await this.#atMesos(`${count} offers`, ({ offers }) => offers.length >= count);
  }

  async #atMesos(what: string, holds: (framework: MasterState["frameworks"][number]) => boolean): Promise<void> {
    await eventually(
      async () => {
        const { frameworks } = (await getJson(`${this.#options.master}/master/state`)) as MasterState;
        return frameworks.some((framework) => framework.name === this.frameworkName && holds(framework));
      },
      { what: `${what} of ${this.frameworkName} at the master` },
    );
  }

  /** Waits for the end of the last client, and gives the times that each task was seen to end. */
  async finished(timeoutMs = 90_000): Promise<Map<string, string[]>> {
    const last = this.#clients.at(-1);
    const done = await last?.logged(/\{"kind":"done".*\}/, { timeoutMs }).catch((error: Error) => {
      const seen = last
        .log()
        .split("\n")
        .filter((line) => line !== '{"kind":"offers"}');
      throw new Error(`${error.message}\n${seen.slice(-60).join("\n")}\n${this.#options.bridge.log().slice(-3_000)}`);
    });
    expect(JSON.parse(done?.[0] ?? "{}")).toEqual({ kind: "done", owed: 0 });
    return this.#ends();
  }

  /** The times that each task was seen to end. */
  #ends(): Map<string, string[]> {
    const ends = new Map<string, string[]>();
    for (const { kind, task = "", state = "", owed } of this.lines()) {
      if (kind === "update" && owed && TERMINAL.test(state)) ends.set(task, [...(ends.get(task) ?? []), state]);
    }
    return ends;
  }

  /** How often each task has run. */
  async runs(): Promise<Map<string, number>> {
    const runs = new Map<string, number>();
    for (const name of await readdir(this.#dir)) {
      const task = name.match(/^(batch-.*\.\d+)\.\d+$/)?.[1];
      if (task !== undefined) runs.set(task, (runs.get(task) ?? 0) + 1);
    }
    return runs;
  }

  /** Asserts that every task has run once and was seen to finish, `exactly` once or at least. */
  async expectAllRanOnce({ exactly = true, timeoutMs = 90_000 } = {}): Promise<void> {
    const ends = await this.finished(timeoutMs);
    const runs = await this.runs();
    expect([...runs].filter(([, times]) => times !== 1)).toEqual([]);
    expect(runs.size).toBe(this.count);
    expect([...ends.values()].flat().filter((state) => state !== "FINISHED")).toEqual([]);
    expect(ends.size).toBe(this.count);
    if (exactly) expect([...ends].filter(([, states]) => states.length !== 1)).toEqual([]);
    await this.expectNothingLeft();
  }

  /** Asserts that the master has no task left of the framework, and ends it. */
  async expectNothingLeft(): Promise<void> {
    const { bridge, master } = this.#options;
    const request = { frameworkName: this.frameworkName, frameworkInfo: undefined };
    const scheduler = await BridgeScheduler.attach(bridge.address, request);
    try {
      await scheduler.linked();
      await eventually(
        async () => {
          const state = (await getJson(`${master}/master/state`)) as MasterState;
          const mine = state.frameworks.find(({ id }) => id === scheduler.frameworkId);
          return mine && mine.tasks.length === 0;
        },
        { what: "the end of all tasks at the master", timeoutMs: 30_000 },
      );
      await scheduler.ok("teardown");
    } finally {
      scheduler.stop();
    }
  }
}

/** Random numbers that a printed seed repeats. FAULT_SEED=n takes that one. */
export function seeded(name: string): (below: number) => number {
  const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`${name}: FAULT_SEED=${seed}`);
  let state = seed >>> 0;
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
