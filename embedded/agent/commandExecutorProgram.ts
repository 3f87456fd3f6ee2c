import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const COMPILED = "dist/embedded/agent/commandExecutor.js";

/**
 * The command line of the executor of command tasks and task groups as a process of its own.
 *
 * @throws Error when the compiled program is missing
 */
export function commandExecutor(): { file: string; args: string[] } {
  const here = dirname(fileURLToPath(import.meta.url));
  const beside = join(here, "commandExecutor.js");
  return { file: process.execPath, args: [existsSync(beside) ? beside : compiled(here)] };
}

/** Node can't run the source itself, and this module may be bundled into another file. */
function compiled(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, COMPILED);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) throw new Error(`${COMPILED} is missing: build the project first`);
  }
}
