import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

/** As `sha256sum --check` reads it. */
export const SUMS = "SHA256SUMS";

/** Writes the checksums of all files of a release, and gives the files' names. */
export function writeSums(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => file !== SUMS)
    .sort();
  const lines = files.map((file) => `${sha256(join(folder, file))}  ${file}\n`);
  writeFileSync(join(folder, SUMS), lines.join(""));
  return [...files, SUMS];
}

const sha256 = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
