import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningProcess, startProcess } from "./childProcess.js";
import { at } from "./paths.js";

export interface BridgeOptions {
  /** As `http://127.0.0.1:5050`, or host:port. */
  master: string;
  /** Default: a new one, removed at `stop()`. */
  dataDir?: string;
  /** Default: any free one. */
  port?: number;
  /** More flags of `serve`, as `["--offer-hold", "300ms"]`. */
  flags?: readonly string[];
}

/** A bridge as users run it: a process of its own. Whoever starts one stops it. */
export interface Bridge {
  /** As `127.0.0.1:50051`. Stays the same over `restart`, unless the flags name it. The first, if there are several. */
  readonly address: string;
  readonly dataDir: string;
  readonly process: RunningProcess;
  log(): string;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data directory, after `kill`; with other flags if given. */
  restart(flags?: readonly string[]): Promise<void>;
  /** Ends it in order: SIGTERM. */
  terminate(): Promise<void>;
  /** Ends it and removes what it made. */
  stop(): Promise<void>;
}

/** Starts a bridge, and waits until it serves. */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "mesos-bridge-data-")));
  const master = options.master.replace(/^http:\/\//, "");
  let flags = options.flags ?? [];
  let earlier = "";
  const start = (port: number) => {
    const listen = `127.0.0.1:${port}`;
    const where = flags.includes("--listen") ? [] : ["--listen", listen];
    const args = ["serve", "--master", master, ...where, "--data-dir", dataDir, ...flags];
    return startProcess({
      command: process.execPath,
      args: [at("dist/server/main.js"), ...args],
      ready: /^ready (\S+)$/m,
    });
  };
  let running = await start(options.port ?? 0);
  const address = running.ready[1] ?? "";
  const port = Number(address.split(":").at(-1));
  return {
    address,
    dataDir,
    get process() {
      return running;
    },
    log: () => earlier + running.log(),
    async kill() {
      await running.kill();
    },
    async restart(newFlags) {
      flags = newFlags ?? flags;
      earlier += running.log();
      running = await start(port);
    },
    async terminate() {
      await running.stop();
    },
    async stop() {
      await running.stop();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
