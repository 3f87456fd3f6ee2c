import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Log } from "../log.js";
import { readEntries } from "./entryReader.js";
import {
  freePath,
  LMDB_FILE,
  LOG,
  logNumbers,
  logPath,
  MIGRATED,
  MIGRATING_FILE,
  SCRATCH,
  SUPERSEDED,
} from "./fileNames.js";
import { KeptFrameworks } from "./keptFrameworks.js";
import { readLog } from "./logFormat.js";
import { readLmdb } from "./migrateLmdb.js";

const MAX_ATTEMPTS = 5;

export interface Loaded {
  readonly kept: KeptFrameworks;
  /** Where it was: in the log of this number, in the file of an older bridge, or nowhere, because the directory is new. */
  readonly source: number | "older" | "none";
}

/** True if a bridge has kept frameworks in this directory. */
export function holdsFrameworks(dataDir: string): boolean {
  if (!existsSync(dataDir) || !statSync(dataDir).isDirectory()) return false;
  return logNumbers(dataDir).length > 0 || olderFiles(dataDir).length > 0;
}

/**
 * Reads what the directory holds. Changes nothing, and works while another process writes to it.
 *
 * @throws Error with one line that says what is wrong and what to do
 */
export async function loadFrameworks(dataDir: string, log: Log): Promise<Loaded> {
  for (let attempt = 1; ; attempt++) {
    const newest = logNumbers(dataDir).at(-1);
    if (newest === undefined) return loadOlder(dataDir);
    const path = logPath(dataDir, newest);
    refuseLmdbBeside(dataDir, path);
    try {
      return { kept: readFile(path, log), source: newest };
    } catch (error) {
      // Its owner has put another one in its place.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

function readFile(path: string, log: Log): KeptFrameworks {
  const kept = new KeptFrameworks();
  const { end, torn, headWhole } = readLog(readFileSync(path), path, (payload) => readEntries(payload, kept));
  if (torn > 0) {
    const fields = { file: path, offset: end, bytes: torn };
    log.warn(
      fields,
      "the end of a file is left out: a crash cut its last write short, which was never reported as done",
    );
  }
  if (!headWhole) log.warn({ file: path }, "a note in the head of a file is damaged; all that it holds could be read");
  return kept;
}

/** What versions of the bridge before the log wrote. */
async function loadOlder(dataDir: string): Promise<Loaded> {
  const kept = new KeptFrameworks();
  const [path, other] = olderFiles(dataDir);
  if (path === undefined) return { kept, source: "none" };
  if (other !== undefined)
    throw new Error(`older versions of the bridge have written ${path} and ${other}: ${MOVE_AWAY}`);
  await readLmdb(path, kept);
  return { kept, source: "older" };
}

const MOVE_AWAY = "move away the one that must not be used";

function olderFiles(dataDir: string): string[] {
  return [LMDB_FILE, MIGRATING_FILE].map((name) => join(dataDir, name)).filter((path) => existsSync(path));
}

/** When a log holds what was in it, it has another name. So an older bridge ran here later, or a copy was put back. */
function refuseLmdbBeside(dataDir: string, log: string): void {
  const older = join(dataDir, LMDB_FILE);
  if (!existsSync(older)) return;
  throw new Error(`an older version of the bridge has written ${older} beside ${log}: stop it, and ${MOVE_AWAY}`);
}

/** Just before a log gets its name that holds all that an older bridge has written. */
export function beginMigration(dataDir: string): void {
  const lmdb = join(dataDir, LMDB_FILE);
  if (existsSync(lmdb)) renameSync(lmdb, join(dataDir, MIGRATING_FILE));
}

/** Makes the directory, for its owner alone. @throws Error */
export function makeDataDir(dataDir: string): void {
  makeDirectory(resolve(dataDir));
}

/** As mkdir -p. Node's own way of it does not end where the system allows no directory, as in /proc. */
function makeDirectory(path: string): void {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) makeDirectory(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (!statSync(path).isDirectory()) throw new Error(`${path} is not a directory`);
  }
}

/** Takes files of the bridge away from everybody but its owner. */
export function narrowModes(dataDir: string, log: Log): void {
  for (const name of readdirSync(dataDir)) {
    if (![LOG, SCRATCH, SUPERSEDED, MIGRATED].some((pattern) => pattern.test(name)) && !isOlder(name)) continue;
    const path = join(dataDir, name);
    const { mode } = lstatSync(path);
    if ((mode & 0o077) === 0) continue;
    const fields = { file: path, mode: (mode & 0o777).toString(8) };
    try {
      chmodSync(path, 0o600);
      log.warn(fields, "a file could be read by others; now only by its owner");
    } catch (error) {
      log.warn({ ...fields, err: error }, "a file can be read by others, and its mode can't be changed");
    }
  }
}

function isOlder(name: string): boolean {
  return name === LMDB_FILE || name === MIGRATING_FILE;
}

/**
 * Removes what a complete log of this number has made superfluous: the logs whose content it has, and what is not complete. Other
 * logs, and the file of an older bridge, are kept under another name.
 */
export function removeOlder(dataDir: string, number: number, superseded: ReadonlySet<number>, log: Log): void {
  for (const name of readdirSync(dataDir)) {
    const path = join(dataDir, name);
    const its = Number(LOG.exec(name)?.[1] ?? number);
    if ((its !== number && superseded.has(its)) || SCRATCH.test(name)) rmSync(path, { force: true });
    else if (its < number) putAside(path, log);
  }
  endMigration(dataDir, number, log);
}

/** A copy that was put back, or what a crash of an owner has left just before it would have been removed. */
function putAside(path: string, log: Log): void {
  const kept = freePath(`${path}.superseded`);
  renameSync(path, kept);
  log.warn(
    { file: path, kept },
    "a log beside a newer one is not used, and is kept under another name: restore a copy into an empty directory",
  );
}

function endMigration(dataDir: string, number: number, log: Log): void {
  const migrating = join(dataDir, MIGRATING_FILE);
  if (!existsSync(migrating)) return;
  const lmdb = join(dataDir, LMDB_FILE);
  const kept = freePath(`${lmdb}.migrated`);
  renameSync(migrating, kept);
  rmSync(`${lmdb}-lock`, { force: true });
  log.info({ file: logPath(dataDir, number), kept }, "the data directory has been migrated");
}
