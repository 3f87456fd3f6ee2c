// Writes the programs of docs/tutorial.md into a folder: each block of code that names a file.
//
//   node scripts/tutorial.mjs ../tutorial
//
// A file that is there and differs is kept: it may be somebody's work.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { at } from "./lib.mjs";

const [folder, ...others] = process.argv.slice(2);
if (folder === undefined || folder.startsWith("-") || others.length > 0) {
  console.error("usage: node scripts/tutorial.mjs FOLDER");
  process.exit(2);
}

const page = readFileSync(at("docs/tutorial.md"), "utf8");
let written = 0;
for (const [, file, code] of page.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms)) {
  const path = join(folder, file);
  if (existsSync(path) && readFileSync(path, "utf8") !== code) {
    console.error(`${path} was kept: it is not what the tutorial has`);
    process.exitCode = 1;
    continue;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, code);
  written++;
}
console.log(`${written} files of the tutorial are in ${resolve(folder)}`);
