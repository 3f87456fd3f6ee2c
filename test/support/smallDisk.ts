import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "vitest";
import type { Cleanup } from "./cleanup.js";

/** A small file system of its own, of 1 MiB. Skips the test where that needs more rights than it has. */
export async function smallDisk(cleanup: Cleanup, { skip }: TestContext): Promise<string> {
  const folder = join(await cleanup.tempDir(), "disk");
  mkdirSync(folder);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]).status !== 0) {
    skip("a tmpfs can't be mounted here");
  }
  cleanup.defer(() => {
    spawnSync("umount", ["-l", folder]);
  });
  return folder;
}

/** Writes until nothing more fits. */
export function fill(file: string): void {
  for (let bytes = 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(bytes), { flag: "a" });
    } catch {
      // Full for pieces of this size: smaller ones may still fit.
    }
  }
}
