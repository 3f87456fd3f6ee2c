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
import { LMDB_FILE, LOG, logNumbers, logPath, SCRATCH } from "./fileNames.js";
import { KeptFrameworks } from "./keptFrameworks.js";
import { readLog } from "./logFormat.js";
import { readLmdb } from "./migrateLmdb.js";

const MAX_ATTEMPTS = 5;

export interface Loaded {
  readonly kept: KeptFrameworks;
  /** False if the directory is new. */
  readonly found: boolean;
}

/** True if a bridge has kept frameworks in this directory. */
export function holdsFrameworks(dataDir: string): boolean {
  if (!existsSync(dataDir) || !statSync(dataDir).isDirectory()) return false;
  return logNumbers(dataDir).length > 0 || existsSync(join(dataDir, LMDB_FILE));
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
    refuseNewerLmdb(dataDir, path);
    try {
      return { kept: readFile(path, log), found: true };
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
      "the end of a file is left out: a crash cut its last write short, which nobody was told of as done",
    );
  }
  if (!headWhole) log.warn({ file: path }, "a note in the head of a file is damaged; all that it holds could be read");
  return kept;
}

/** What versions of the bridge before the log wrote. */
async function loadOlder(dataDir: string): Promise<Loaded> {
  const kept = new KeptFrameworks();
  const path = join(dataDir, LMDB_FILE);
  if (!existsSync(path)) return { kept, found: false };
  await readLmdb(path, kept);
  return { kept, found: true };
}

/** An older bridge that ran here later has written what the log lacks. */
function refuseNewerLmdb(dataDir: string, log: string): void {
  const older = statSync(join(dataDir, LMDB_FILE), { throwIfNoEntry: false });
  const newer = statSync(log, { throwIfNoEntry: false });
  if (!older || !newer || older.mtimeMs <= newer.mtimeMs) return;
  throw new Error(
    `an older version of the bridge has written ${join(dataDir, LMDB_FILE)} after ${log}: move away the one that is not to count`,
  );
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
    if (!LOG.test(name) && !SCRATCH.test(name) && name !== LMDB_FILE) continue;
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

/** Removes what a complete log of this number has made superfluous. The file of LMDB is kept under another name. */
export function removeOlder(dataDir: string, number: number, log: Log): void {
  for (const name of readdirSync(dataDir)) {
    const older = Number(LOG.exec(name)?.[1] ?? number) < number;
    if (older || SCRATCH.test(name)) rmSync(join(dataDir, name), { force: true });
  }
  const lmdb = join(dataDir, LMDB_FILE);
  if (!existsSync(lmdb)) return;
  renameSync(lmdb, `${lmdb}.migrated`);
  rmSync(`${lmdb}-lock`, { force: true });
  log.info({ file: logPath(dataDir, number), kept: `${lmdb}.migrated` }, "the data directory has been migrated");
}
