import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The number is that of the owner who began the log. */
export const LOG = /^frameworks-(\d{1,15})\.log$/;
/** A log that has not got its name yet. */
export const SCRATCH = /^frameworks-\d{1,15}\.log\.new$/;
/** A log that did not count beside a newer one. */
export const SUPERSEDED = /^frameworks-\d{1,15}\.log\.superseded(-\d+)?$/;
/** Where the bridge kept frameworks before it had a log. */
export const LMDB_FILE = "frameworks.mdb";
/** That file while the first log that holds all of it gets its name. */
export const MIGRATING_FILE = `${LMDB_FILE}.migrating`;
/** That file afterwards, or one of several. It does not count. */
export const MIGRATED = /^frameworks\.mdb\.migrated(-\d+)?$/;

/** Numbers of the logs in the directory, ascending. The last one counts. */
export function logNumbers(dataDir: string): number[] {
  return numbered(dataDir, LOG);
}

export function numbered(dataDir: string, pattern: RegExp): number[] {
  const numbers = readdirSync(dataDir).flatMap((name) => pattern.exec(name)?.[1] ?? []);
  return numbers.map(Number).sort((a, b) => a - b);
}

export function logPath(dataDir: string, number: number): string {
  return join(dataDir, `frameworks-${number}.log`);
}

/** The path, or the first one after it with a number that is free. */
export function freePath(path: string): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? path : `${path}-${number}`;
    if (!lstatSync(candidate, { throwIfNoEntry: false })) return candidate;
  }
}

export function scratchOf(log: string): string {
  return `${log}.new`;
}
