import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import type { Cleanup } from "../support/cleanup.js";
import { npmInstall, userEnv } from "./release.js";

/** The server's package, installed globally below a folder. */
export interface InstalledServer {
  /** The package's own folder. */
  folder: string;
  /** One of its commands. */
  command: (name: string) => string;
}

export async function installServer(tarball: string, prefix: string): Promise<InstalledServer> {
  mkdirSync(prefix, { recursive: true });
  await npmInstall(prefix, "--global", "--prefix", prefix, tarball);
  return { folder: join(prefix, "lib/node_modules/mesos-bridge"), command: (name) => join(prefix, "bin", name) };
}

/** Starts an embedded Mesos and a bridge from the package. Gives the bridge's address. */
export async function startInstalled({ command }: InstalledServer, cleanup: Cleanup): Promise<string> {
  const work = await cleanup.tempDir();
  const start = async (...args: string[]): Promise<RunningProcess> => {
    const program = { command: command("mesos-bridge"), args, env: userEnv, cwd: work };
    return cleanup.use(await startProcess({ ...program, ready: /^ready (\S+)$/m }));
  };
  const mesos = await start("local", "--agents", "1", "--port", "0", "--work-dir", join(work, "mesos"));
  const master = (mesos.ready[1] ?? "").replace(/^http:\/\//, "");
  const data = join(work, "data");
  const bridge = await start("serve", "--master", master, "--listen", "127.0.0.1:0", "--data-dir", data);
  return bridge.ready[1] ?? "";
}
