import { type ChildProcess, fork, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Report } from "./processes/ipc.js";

const TIMEOUT_MS = 60_000;

/** A process of a benchmark, told what to do by IPC. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #reports: Report[] = [];
  #wake: (() => void) | undefined;
  #failure: string | undefined;

  constructor(name: string, args: readonly string[] = [], execArgv: readonly string[] = []) {
    this.#child = fork(fileURLToPath(new URL(`./processes/${name}.js`, import.meta.url)), args, {
      execArgv: [...execArgv],
    });
    this.#child.on("message", (message: Report) => {
      if (message.kind === "error") this.#failure = `${name}: ${String(message.message)}`;
      this.#reports.push(message);
      this.#wake?.();
    });
    this.#child.on("exit", (code) => {
      this.#failure ??= `${name} ended with status ${code}`;
      this.#wake?.();
    });
  }

  tell(command: string, value?: unknown): void {
    this.#child.send({ command, value });
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
    return this.#child.pid ?? 0;
  }

  close(): void {
    this.#failure ??= "closed";
    this.#child.kill();
  }
}

export interface BenchBridge {
  readonly address: string;
  readonly pid: number;
  close(): Promise<void>;
}

/** Starts a bridge of its own for a benchmark. `execArgv` is for profilers. */
export async function startBridge(master: string, execArgv: readonly string[] = []): Promise<BenchBridge> {
  const dataDir = await mkdtemp(join(tmpdir(), "mesos-bridge-bench-"));
  const main = fileURLToPath(new URL("../server/main.js", import.meta.url));
  const args = ["serve", "--master", master, "--listen", "127.0.0.1:0", "--data-dir", dataDir, "--log-level", "error"];
  const child = spawn(process.execPath, [...execArgv, main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const address = await new Promise<string>((resolve, reject) => {
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      const ready = /^ready (\S+)$/m.exec(out)?.[1];
      if (ready) resolve(ready);
    });
    child.once("exit", () => reject(new Error("the bridge did not start")));
  });
  const close = async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
    await rm(dataDir, { recursive: true, force: true });
  };
  return { address, pid: child.pid ?? 0, close };
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
