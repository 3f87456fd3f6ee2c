import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, isAbsolute, join, normalize } from "node:path";
import type { Resource } from "../../gen/mesos/v1/mesos.js";

/** Where an agent keeps a persistent volume. */
function volumeDirectory(workDir: string, volume: Resource): string {
  const role = encodeURIComponent(volume.reservations.at(-1)?.role ?? "*");
  return join(workDir, "volumes", "roles", role, encodeURIComponent(volume.disk?.persistence?.id ?? ""));
}

export function createVolume(workDir: string, volume: Resource): void {
  mkdirSync(volumeDirectory(workDir, volume), { recursive: true });
}

/** Its content goes with it. */
export function destroyVolume(workDir: string, volume: Resource): void {
  rmSync(volumeDirectory(workDir, volume), { recursive: true, force: true });
}

/** Puts the persistent volumes among resources into a sandbox, each at its container path. */
export function linkVolumes(workDir: string, resources: readonly Resource[], sandbox: string): void {
  for (const resource of resources) {
    const path = resource.disk?.persistence && resource.disk.volume?.containerPath;
    if (path === undefined || isAbsolute(path) || normalize(path).startsWith("..")) continue;
    createVolume(workDir, resource);
    const link = join(sandbox, path);
    mkdirSync(dirname(link), { recursive: true });
    if (!existsSync(link)) symlinkSync(volumeDirectory(workDir, resource), link);
  }
}
