import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../library/program.js";
import { reason } from "./fileReason.js";
import { makeFolder } from "./makeFolder.js";

const LOCK_FILE = ".invert-lock";

/**
 * Makes the folder, and makes sure that no other process works in it.
 *
 * @returns how to let it go
 * @throws UsageError when the folder can't be made, or another process that lives has it
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, LOCK_FILE);
  try {
    makeFolder(folder);
    takeLock(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--output: ${folder} can't be used: ${reason(error)}`);
  }
  const release = () => rmSync(path, { force: true });
  // However the program ends, as long as it is not killed.
  process.on("exit", release);
  return () => {
    process.off("exit", release);
    release();
  };
}

function takeLock(path: string): void {
  // Twice: the first time may meet the lock of a process that has died.
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: "wx" });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt > 0) throw error;
    }
    const pid = Number(readFileSync(path, "utf8"));
    if (pid !== process.pid && isAlive(pid)) {
      throw new UsageError(`another mesos-invert (process ${pid}) works in this output folder; if not, remove ${path}`);
    }
    rmSync(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
