import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedCluster, startEmbeddedCluster } from "../../embedded/cluster.js";
import { DataDirOwner } from "../../server/store/dataDirOwner.js";
import type { ClusterOptions, MesosCluster } from "./cluster.js";

/** An embedded Mesos that a test can do things to. */
export interface EmbeddedMesos extends MesosCluster {
  /** What can break here and not in a real one: single streams, single agents, the leadership. */
  readonly faults: EmbeddedCluster;
}

/** Starts an embedded Mesos in this process, and waits for all agents. Its executors are processes. */
export async function startEmbeddedMesos(options: ClusterOptions = {}): Promise<EmbeddedMesos> {
  const workDir = options.workDir ?? (await mkdtemp(join(tmpdir(), "embedded-mesos-")));
  const { agents = 1, port = 0, resources, attributes, flags, credentials } = options;
  let log = "";
  const cluster = await startEmbeddedCluster({
    agents,
    port,
    workDir,
    lock: (folder) => DataDirOwner.acquire(folder, "local"),
    ...(resources !== undefined && { resources }),
    ...(attributes !== undefined && { attributes }),
    ...(flags && { flags }),
    ...(credentials && {
      credentials: Object.entries(credentials).map(([principal, secret]) => ({ principal, secret })),
    }),
    log: (line) => {
      log += `${line}\n`;
    },
  });
  const agentNumbers = cluster.agentUrls.map((_, number) => number);
  return {
    kind: "embedded",
    master: cluster.url,
    port: Number(new URL(cluster.url).port),
    workDir,
    faults: cluster,
    log: async () => log,
    async crash() {
      await cluster.stopMaster();
      for (const number of agentNumbers) await cluster.stopAgent(number);
    },
    async recover(whileAgentsAreAway) {
      await cluster.startMaster();
      await whileAgentsAreAway?.();
      for (const number of agentNumbers) await cluster.startAgent(number);
    },
    async stop() {
      await cluster.close();
      if (options.workDir === undefined) await rm(workDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
