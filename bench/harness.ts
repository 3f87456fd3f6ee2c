import { type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Channel, NodeChannel } from "./channel.js";
import type { Report } from "./processes/ipc.js";
import type { Spent } from "./processes/probe.js";

const TIMEOUT_MS = 60_000;

/** A process of a benchmark, told what to do, and reporting what it did. */
export class Worker {
  readonly #channel: Channel;
  readonly #reports: Report[] = [];
  #wake: (() => void) | undefined;
  #failure: string | undefined;

  /** @param to a module of bench/processes, by its name; or whatever else a channel leads to */
  constructor(to: string | Channel) {
    this.#channel = typeof to === "string" ? new NodeChannel(to) : to;
    const { name, child } = this.#channel;
    const fail = (failure: string) => {
      this.#failure ??= failure;
      this.#wake?.();
    };
    this.#channel.onReport((message) => {
      this.#reports.push(message);
      if (message.kind === "error") this.#failure = `${name}: ${String(message.message)}`;
      this.#wake?.();
    });
    child.on("error", (error) => fail(`${name}: ${error.message}`));
    // Later than its exit: whatever it has reported has come.
    child.on("close", (code) => fail(`${name} ended with status ${code}`));
  }

  tell(command: string, value?: unknown): void {
    this.#channel.send({ command, value });
  }

  /** The next report of that kind; earlier ones of other kinds are dropped. */
  async next(kind: string): Promise<Report> {
    const deadline = Date.now() + TIMEOUT_MS;
    for (;;) {
      for (let message = this.#reports.shift(); message; message = this.#reports.shift()) {
        if (message.kind === kind) return message;
      }
      if (this.#failure) throw new Error(this.#failure);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no '${kind}' within ${TIMEOUT_MS} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  get pid(): number {
    return this.#channel.child.pid ?? 0;
  }

  close(): void {
    this.#failure ??= "closed";
    this.#channel.child.kill();
  }
}

export interface BenchBridge {
  readonly address: string;
  readonly pid: number;
  close(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Bytes that the bridge's heap and buffers hold after a garbage collection. Needs `PROBE`. */
  held(): Promise<number>;
  /** What the bridge has allocated and copied since it was last asked. Needs `PROBE`. */
  spent(): Promise<Spent>;
}

/** Arguments for Node: the process reports what it holds and spends. */
const PROBE = ["--expose-gc", "--import", new URL("./processes/probe.js", import.meta.url).href];

/** Starts a bridge for a benchmark, on a data directory of its own unless one is given. `execArgv` is for profilers. */
export async function startBridge(
  master: string,
  execArgv: readonly string[] = [],
  givenDataDir?: string,
): Promise<BenchBridge> {
  const dataDir = givenDataDir ?? (await mkdtemp(join(tmpdir(), "mesos-bridge-bench-")));
  const main = fileURLToPath(new URL("../server/main.js", import.meta.url));
  const args = ["serve", "--master", master, "--listen", "127.0.0.1:0", "--data-dir", dataDir, "--log-level", "error"];
  const stdio: StdioOptions = [
    "ignore",
    "pipe",
    "inherit",
    ...(execArgv.includes("--expose-gc") ? ["ipc" as const] : []),
  ];
  const child = spawn(process.execPath, [...execArgv, main, ...args], { stdio });
  const address = await new Promise<string>((resolve, reject) => {
    let out = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      const ready = /^ready (\S+)$/m.exec(out)?.[1];
      if (ready) resolve(ready);
    });
    child.once("exit", () => reject(new Error("the bridge did not start")));
  });
  const end = async (signal: NodeJS.Signals) => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
    if (givenDataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  };
  const ask = async (question: string): Promise<unknown> => {
    const answer = once(child, "message", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    child.send(question);
    return (await answer)[0];
  };
  return {
    address,
    pid: child.pid ?? 0,
    close: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    held: async () => Number(await ask("held")),
    spent: async () => (await ask("spent")) as Spent,
  };
}

export interface RigOptions {
  /** The bridge answers `bridge.held` and `bridge.spent`. */
  readonly probe?: boolean;
  /** What the wire between bridge and master adds, each way, in ms. Default 0: none. */
  readonly wireDelayMs?: number;
  /** The bridge's data directory, which stays. Default: one of its own. */
  readonly dataDir?: string;
}

/** The processes that most benchmarks need: a fast master, and a bridge on it. */
export class Rig {
  readonly master: Worker;
  readonly masterAddress: string;
  readonly bridge: BenchBridge;
  readonly #workers: Worker[];

  private constructor(workers: Worker[], master: Worker, masterAddress: string, bridge: BenchBridge) {
    this.master = master;
    this.masterAddress = masterAddress;
    this.bridge = bridge;
    this.#workers = workers;
  }

  static async open({ wireDelayMs = 0, probe = false, dataDir }: RigOptions = {}): Promise<Rig> {
    const workers: Worker[] = [];
    try {
      const start = async (name: string, args: readonly string[] = []) => {
        const worker = new Worker(new NodeChannel(name, args));
        workers.push(worker);
        return { worker, address: `127.0.0.1:${(await worker.next("ready")).port}` };
      };
      const { worker: master, address } = await start("fastMaster");
      const far = wireDelayMs > 0 ? await start("delayRelay", [address, String(wireDelayMs)]) : undefined;
      return new Rig(workers, master, address, await startBridge(far?.address ?? address, bridgeArgs(probe), dataDir));
    } catch (error) {
      for (const worker of workers) worker.close();
      throw error;
    }
  }

  /** A client process, attached to these frameworks. */
  async client(...frameworkNames: string[]): Promise<Worker> {
    return await this.attach(this.worker("client"), ...frameworkNames);
  }

  /** Attaches a client process to these frameworks. */
  async attach(client: Worker, ...frameworkNames: string[]): Promise<Worker> {
    client.tell("attach", { address: this.bridge.address, frameworkNames });
    for (const _ of frameworkNames) await client.next("attached");
    for (const _ of frameworkNames) await this.master.next("subscribed");
    return client;
  }

  /** A process that subscribes straight at the master. */
  async direct(): Promise<Worker> {
    const direct = this.worker("directClient");
    direct.tell("subscribe", this.masterAddress);
    await direct.next("attached");
    await this.master.next("subscribed");
    return direct;
  }

  /** A process that ends with the others. */
  worker(to: string | Channel): Worker {
    const worker = new Worker(to);
    this.#workers.push(worker);
    return worker;
  }

  async close(): Promise<void> {
    for (const worker of this.#workers) worker.close();
    await this.bridge.close();
  }
}

/** Arguments for the bridge's Node: those from BENCH_BRIDGE_ARGS, such as `--cpu-prof`, and those of the probe. */
function bridgeArgs(probe: boolean): string[] {
  return [...(process.env.BENCH_BRIDGE_ARGS?.split(" ") ?? []), ...(probe ? PROBE : [])];
}

/** Memory and processor use of a process, from /proc. */
export interface Usage {
  readonly residentMb: number;
  readonly peakMb: number;
  readonly cpuSeconds: number;
  readonly sockets: number;
}

export function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const sockets = readdirSync(`/proc/${pid}/fd`).filter((fd) => linkOf(`/proc/${pid}/fd/${fd}`).startsWith("socket:"));
  return {
    residentMb: kb("VmRSS") / 1024,
    peakMb: kb("VmHWM") / 1024,
    cpuSeconds: ticks / 100,
    sockets: sockets.length,
  };
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** One line of a benchmark's table. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly value: Spread;
  /** The same thing without the bridge, or what the figure is compared with, in the same run. */
  readonly reference?: Spread;
  /** What has to be reached, in words, and whether it was. */
  readonly reach?: string;
  readonly reached?: boolean;
}

/** The median of some figures, and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (i: number) => sorted[Math.max(0, Math.min(sorted.length - 1, i))] ?? Number.NaN;
  return { median: at(Math.floor(sorted.length / 2)), min: at(0), max: at(sorted.length - 1) };
}
