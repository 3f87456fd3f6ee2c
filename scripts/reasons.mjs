// The reasons of errors, written into docs/errors.md and the clients: `node scripts/generate-clients.mjs` does it too.
// Their source is proto/mesosbridge/v1/reasons.json. scripts/generate.mjs makes TypeScript's, in gen/.
import { writeFileSync } from "node:fs";
import { at, isMain, readIfThere } from "./lib.mjs";
import { cpp, go, java, python, rust } from "./reasons/languages.mjs";
import { withTables } from "./reasons/page.mjs";
import { readReasons } from "./reasons/table.mjs";

/** Each file that holds the table, and its text, made of the reasons and of what is there now. */
const files = {
  "docs/errors.md": (reasons, page) => withTables(page ?? "", reasons),
  "clients/cpp/reasons.h": cpp,
  "clients/go/mesosbridge/reasons.go": go,
  "clients/java/src/main/java/io/github/mesosbridge/Reason.java": java,
  "clients/python/src/mesosbridge/reasons.py": python,
  "clients/rust/src/reason.rs": rust,
};

/**
 * The files that are not as the table says, with what they should be.
 *
 * @param read  gives a file's text, or undefined where there is none
 */
export function outdatedReasons(reasons = readReasons(), read = readIfThere) {
  return Object.entries(files)
    .map(([file, make]) => ({ file, text: make(reasons, read(file)) }))
    .filter(({ file, text }) => read(file) !== text);
}

/** Writes those that are not as they should be. */
export function writeReasons() {
  for (const { file, text } of outdatedReasons()) {
    writeFileSync(at(file), text);
    console.error(`${file} written`);
  }
}

if (isMain(import.meta.url)) {
  try {
    writeReasons();
  } catch (error) {
    console.error(`reasons: ${error.message}`);
    process.exitCode = 1;
  }
}
