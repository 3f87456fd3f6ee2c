import { readFileSync } from "node:fs";

/** Descriptors for everything but the links of frameworks and the connections of clients: files, pipes, the store. */
const RESERVE = 40;
/** A framework's subscription and its calls. */
const PER_FRAMEWORK = 2;
/** The share of clients' connections if descriptors are scarce. */
const SHARE_OF_CONNECTIONS = 0.25;

/** Numbers of frameworks and of clients' connections. */
export interface DescriptorUse {
  readonly maxFrameworks: number;
  readonly maxConnections: number;
}

/** How many files a bridge may have open that uses its limits to the full. */
export function descriptorsFor({ maxFrameworks, maxConnections }: DescriptorUse): number {
  return RESERVE + maxFrameworks * PER_FRAMEWORK + maxConnections;
}

/**
 * How many files this process may have open (`ulimit -n`; Node raises the soft limit to the hard one). Undefined where
 * the system does not say.
 */
export function openFilesLimit(): number | undefined {
  try {
    const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}

/**
 * The limits that the descriptors allow. A bridge without free descriptors could not accept clients or reach masters, so
 * limits that do not fit are lowered.
 */
export function withinDescriptors(wanted: DescriptorUse, openFiles: number | undefined): DescriptorUse {
  if (openFiles === undefined) return wanted;
  const free = Math.max(0, openFiles - RESERVE);
  if (descriptorsFor(wanted) <= openFiles) return wanted;
  const share = Math.max(1, Math.floor(free * SHARE_OF_CONNECTIONS));
  const rest = free - wanted.maxFrameworks * PER_FRAMEWORK;
  const maxConnections = Math.min(wanted.maxConnections, Math.max(share, rest));
  const maxFrameworks = Math.min(wanted.maxFrameworks, Math.floor((free - maxConnections) / PER_FRAMEWORK));
  return { maxFrameworks: Math.max(1, maxFrameworks), maxConnections };
}

/** How many of the wanted frameworks the descriptors allow beside this number of connections. */
export function frameworksBeside(maxConnections: number, wanted: number, openFiles: number | undefined): number {
  if (openFiles === undefined) return wanted;
  const free = Math.max(0, openFiles - RESERVE - maxConnections);
  return Math.max(1, Math.min(wanted, Math.floor(free / PER_FRAMEWORK)));
}
