import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import {
  type EmbeddedCluster,
  type EmbeddedClusterOptions,
  startEmbeddedCluster,
} from "../../../../embedded/cluster.js";
import type { LockFolder } from "../../../../embedded/workDirectory.js";
import { DataDirOwner } from "../../../../server/store/dataDirOwner.js";

const cleanups: Array<() => Promise<unknown> | unknown> = [];

/** What is to happen at the end of the test, last first. */
export function atEnd(cleanup: () => Promise<unknown> | unknown): void {
  cleanups.push(cleanup);
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "embedded-mesos-"));
  atEnd(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** How the commands lock a work directory. */
export const lock: LockFolder = (folder) => DataDirOwner.acquire(folder, "local");

/** A cluster that ends with the test. */
export async function cluster(options: Partial<EmbeddedClusterOptions> = {}): Promise<EmbeddedCluster> {
  const started = await startEmbeddedCluster({ workDir: await temporaryDirectory(), lock, ...options });
  atEnd(() => started.close());
  return started;
}
