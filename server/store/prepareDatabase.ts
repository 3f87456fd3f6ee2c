import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Where LMDB's magic number stands in its first page, and what it is. */
const MAGIC_OFFSET = 24;
const MAGIC = 0xbeefc0de;

/**
 * Makes the directory of a database's file, for its owner alone, and sees that the file, if there is one, is a database:
 * LMDB takes the process down when it opens what is none. @throws Error
 */
export function prepareDatabase(path: string): void {
  makeDirectory(dirname(resolve(path)));
  if (existsSync(path)) checkFile(path);
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

function checkFile(path: string): void {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(MAGIC_OFFSET + 4);
    const read = readSync(file, head, 0, head.length, 0);
    // LMDB makes an empty file first.
    if (read === 0) return;
    if (read < head.length || head.readUInt32LE(MAGIC_OFFSET) !== MAGIC) throw new Error(`${path} is not a database`);
  } finally {
    closeSync(file);
  }
}
