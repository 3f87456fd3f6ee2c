import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { UsageError } from "../library/program.js";
import { reason } from "./fileReason.js";
import { makeFolder } from "./makeFolder.js";

const LOCK_FILE = ".invert-lock";

/**
 * Makes the folder, and makes sure that no other process of this machine works in it. A process on another machine that
 * has lost touch can't be asked: the bridge ends it once the next one attaches.
 *
 * @returns how to let it go
 * @throws UsageError when the folder can't be made, or another process that lives has it
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, LOCK_FILE);
  const own = `${process.pid} ${machine()} ${startOf(process.pid)}\n`;
  try {
    makeFolder(folder);
    takeLock(path, own);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--output: ${folder} can't be used: ${reason(error)}`);
  }
  const release = () => {
    // Not the one of a process on another machine that has taken over.
    if (readIfThere(path) === own) rmSync(path, { force: true });
  };
  // However the program ends, as long as it is not killed.
  process.on("exit", release);
  return () => {
    process.off("exit", release);
    release();
  };
}

function takeLock(path: string, own: string): void {
  // Twice: the first time may meet the lock of a process that has died.
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, own, { flag: "wx" });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt > 0) throw error;
    }
    const [pid = "", itsMachine, itsStart] = readFileSync(path, "utf8").trim().split(" ");
    const isHere = itsMachine === undefined || itsMachine === machine();
    if (isHere && isAlive(Number(pid), itsStart)) {
      throw new UsageError(`another mesos-invert (process ${pid}) works in this output folder; if not, remove ${path}`);
    }
    rmSync(path, { force: true });
  }
}

/** @param start  when the process began, if that is known: its number may be that of another one by now */
function isAlive(pid: number, start: string | undefined): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  if (start !== undefined && startOf(pid) !== start) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** This machine since it was started. Process numbers mean something only there. */
function machine(): string {
  return readIfThere("/proc/sys/kernel/random/boot_id")?.trim() || hostname();
}

/** When a process began, in the kernel's clock; `-` where that can't be known. */
function startOf(pid: number): string {
  // Field 22; the second one, in parentheses, may hold anything.
  return (
    readIfThere(`/proc/${pid}/stat`)
      ?.replace(/^.*\) /s, "")
      .split(" ")[19] ?? "-"
  );
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
