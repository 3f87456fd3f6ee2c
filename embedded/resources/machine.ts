import { statfsSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import type { Resource } from "../../gen/mesos/v1/mesos.js";
import { parseResources } from "./parse.js";

const MEGABYTE = 1024 * 1024;
/** Left to the system, where there is twice as much. */
const SPARED_MEM_MB = 1024;
const SPARED_DISK_MB = 5120;

/**
 * The resources that an agent has when it is told of some: of cpus, mem, disk and ports those that aren't named, in any role and
 * be it with 0, are the machine's.
 *
 * @param directory on the disk that counts
 */
export function withMachineResources(named: readonly Resource[], directory: string): Resource[] {
  const names = new Set(named.map(({ name }) => name));
  const rules: ReadonlyArray<readonly [name: string, amount: () => string | number]> = [
    ["cpus", () => Math.max(1, cpus().length)],
    ["mem", () => spared(totalmem(), SPARED_MEM_MB)],
    ["disk", () => spared(diskSize(directory), SPARED_DISK_MB)],
    ["ports", () => "[31000-32000]"],
  ];
  const missing = rules.filter(([name]) => !names.has(name)).map(([name, amount]) => `${name}:${amount()}`);
  return [...named, ...parseResources(missing.join(";"))];
}

function diskSize(directory: string): number {
  const { blocks, bsize } = statfsSync(directory);
  return blocks * bsize;
}

/** Megabytes: all but what is spared, or half where that would be too much. */
function spared(bytes: number, megabytes: number): number {
  const enough = bytes >= 2 * megabytes * MEGABYTE;
  return Math.floor((enough ? bytes - megabytes * MEGABYTE : bytes / 2) / MEGABYTE);
}
