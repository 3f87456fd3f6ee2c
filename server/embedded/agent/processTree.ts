import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { signalGroup } from "./processGroup.js";

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** Tells two processes that had the same id apart. */
  readonly start: string;
}

/** When a process started, in a form of the system's own; undefined for one that is gone, or waits to be reaped. */
export function processStart(pid: number): string | undefined {
  if (existsSync("/proc/self/stat")) return procEntry(pid)?.start;
  try {
    const line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    return line === "" || line.startsWith("Z") ? undefined : line.replace(/^\S+\s+/, "");
  } catch {
    return undefined;
  }
}

/** Ends a process, its group, and all that descends from it, in whatever groups those are. */
export function killTree(root: number): void {
  const children = new Map<number, number[]>();
  for (const { pid, parent } of allProcesses()) {
    const siblings = children.get(parent);
    if (siblings) siblings.push(pid);
    else children.set(parent, [pid]);
  }
  const tree = [root];
  for (const pid of tree) for (const child of children.get(pid) ?? []) tree.push(child);
  for (const pid of tree) signalGroup(pid, "SIGKILL");
}

function allProcesses(): ProcessEntry[] {
  if (existsSync("/proc/self/stat")) {
    return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (procEntry(Number(name)) ?? []) : []));
  }
  return execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([pid = 0, parent = 0]) => ({ pid, parent, start: "" }));
}

function procEntry(pid: number): ProcessEntry | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold anything; state, parent, … and as the 20th the start time follow.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : { pid, parent: Number(fields[1]), start: fields[19] ?? "" };
}
