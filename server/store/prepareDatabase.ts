import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { checkDatabase } from "./checkDatabase.js";

/**
 * Makes the directory of a database's file, for its owner alone, and sees that the file, if there is one, is a whole
 * database: LMDB takes the process down when it opens what is none. @throws Error
 */
export function prepareDatabase(path: string): void {
  makeDirectory(dirname(resolve(path)));
  if (existsSync(path)) checkDatabase(path);
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
