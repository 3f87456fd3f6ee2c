import { readdirSync } from "node:fs";
import { join } from "node:path";

/** The number is that of the owner who began the log. */
export const LOG = /^frameworks-(\d{1,15})\.log$/;
/** A log that has not got its name yet. */
export const SCRATCH = /^frameworks-\d{1,15}\.log\.new$/;
/** Where the bridge kept frameworks before it had a log. */
export const LMDB_FILE = "frameworks.mdb";

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

export function scratchOf(log: string): string {
  return `${log}.new`;
}
