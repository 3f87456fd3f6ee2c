import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProcess } from "./childProcess.js";
import type { ClusterOptions, MesosCluster } from "./cluster.js";
import { clusterArgs } from "./clusterArgs.js";
import { at } from "./paths.js";

/** Starts an embedded Mesos as users do, as a process of its own, and waits for all agents. */
export async function startEmbeddedMesos(options: ClusterOptions = {}): Promise<MesosCluster> {
  const workDir = options.workDir ?? (await mkdtemp(join(tmpdir(), "embedded-mesos-")));
  const args = [at("dist/server/main.js"), "local", ...clusterArgs(options, workDir)];
  const cluster = await startProcess({ command: process.execPath, args, ready: /^ready (http:\/\/\S+)$/m });
  const master = cluster.ready[1] ?? "";
  return {
    kind: "embedded",
    master,
    port: Number(new URL(master).port),
    workDir,
    log: async () => cluster.log(),
    async crash() {
      await cluster.kill();
    },
    async stop() {
      await cluster.stop();
      if (options.workDir === undefined) await rm(workDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
