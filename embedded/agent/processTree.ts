import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { signalGroup } from "./processGroup.js";

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** Tells two processes that had the same id apart. */
  readonly start: string;
  readonly usage: Usage | undefined;
}

/** What processes have used and use. */
export interface Usage {
  readonly userSecs: number;
  readonly systemSecs: number;
  readonly rssBytes: number;
}

/** Of /proc: Linux counts in these, whatever the machine. */
const TICKS_PER_SEC = 100;
const PAGE_BYTES = 4096;

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
  for (const pid of treeOf(root, allProcesses())) signalGroup(pid, "SIGKILL");
}

/** What a process and all that descends from it use; undefined where the system does not tell. */
export function usageOf(root: number): Usage | undefined {
  const all = new Map(allProcesses().map((each) => [each.pid, each]));
  const usages = treeOf(root, [...all.values()]).flatMap((pid) => all.get(pid)?.usage ?? []);
  if (usages.length === 0) return undefined;
  const sum = (of: (usage: Usage) => number) => usages.reduce((total, usage) => total + of(usage), 0);
  return {
    userSecs: sum(({ userSecs }) => userSecs),
    systemSecs: sum(({ systemSecs }) => systemSecs),
    rssBytes: sum(({ rssBytes }) => rssBytes),
  };
}

function treeOf(root: number, processes: readonly ProcessEntry[]): number[] {
  const children = new Map<number, number[]>();
  for (const { pid, parent } of processes) {
    const siblings = children.get(parent);
    if (siblings) siblings.push(pid);
    else children.set(parent, [pid]);
  }
  const tree = [root];
  for (const pid of tree) for (const child of children.get(pid) ?? []) tree.push(child);
  return tree;
}

function allProcesses(): ProcessEntry[] {
  if (existsSync("/proc/self/stat")) {
    return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (procEntry(Number(name)) ?? []) : []));
  }
  return execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([pid = 0, parent = 0]) => ({ pid, parent, start: "", usage: undefined }));
}

function procEntry(pid: number): ProcessEntry | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold anything; state, parent, … and as the 20th the start time follow; as the
  // 12th, 13th and 22nd what it used.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const usage = {
    userSecs: Number(fields[11]) / TICKS_PER_SEC,
    systemSecs: Number(fields[12]) / TICKS_PER_SEC,
    rssBytes: Number(fields[21]) * PAGE_BYTES,
  };
  return fields[0] === "Z" ? undefined : { pid, parent: Number(fields[1]), start: fields[19] ?? "", usage };
}
