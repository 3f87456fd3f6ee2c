import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { startProcess } from "./childProcess.js";
import type { ClusterOptions, MesosCluster } from "./cluster.js";
import { clusterArgs } from "./clusterArgs.js";
import { at } from "./paths.js";

const home = process.env.REAL_MESOS_HOME ?? join(homedir(), ".cache/mesos-bridge/real-mesos");

/** Why there is no real Mesos here; undefined when there is one. */
export function realMesosMissing(): string | undefined {
  if (existsSync(join(home, "installed"))) return undefined;
  return "the real Mesos is not installed: run test/real-mesos/install, which says what it needs";
}

/** Options that only the real one has. */
export interface RealClusterOptions extends ClusterOptions {
  /** What answers at /api/v1: `master`, or `slave(1)`. Default `master` */
  delegate?: string;
}

/** Starts a real Mesos 1.11.0, and waits for all agents. */
export async function startRealMesos(options: RealClusterOptions = {}): Promise<MesosCluster> {
  const workDir = options.workDir ?? (await mkdtemp(join(tmpdir(), "real-mesos-")));
  const command = at("test/real-mesos/run");
  const args = clusterArgs(options, workDir);
  if (options.delegate !== undefined) args.push("--delegate", options.delegate);
  const cluster = await startProcess({
    command,
    args,
    ready: /^ready (http:\/\/\S+)$/m,
  });
  const master = cluster.ready[1] ?? "";
  const kill = async () => {
    await cluster.kill();
  };
  return {
    kind: "real",
    master,
    port: Number(new URL(master).port),
    workDir,
    log: async () => `${cluster.log()}${await readFile(join(workDir, "cluster.log"), "utf8")}`,
    crash: kill,
    async stop() {
      await cluster.stop();
      if (options.workDir === undefined) await rm(workDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
