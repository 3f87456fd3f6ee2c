import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "vitest";

/** Why a language can't be tested here; undefined when all of these programs are in PATH. With CI=true: undefined. */
export function missingToolchain(language: string, programs: readonly string[]): string | undefined {
  if (process.env.CI === "true") return undefined;
  const folders = (process.env.PATH ?? "").split(delimiter);
  const missing = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  return missing.length === 0 ? undefined : `the ${language} client needs ${missing.join(" and ")} in PATH`;
}

/**
 * Tests of a client whose language may not be installed here: then they are skipped, and that is said. With CI=true they
 * run, and fail.
 *
 * @param programs what has to be in PATH
 */
export function describeLanguage(language: string, programs: readonly string[], body: () => void): void {
  const missing = missingToolchain(language, programs);
  if (missing !== undefined) console.error(`!!! NOT TESTED: ${missing}`);
  describe.skipIf(missing !== undefined)(`the ${language} client`, body);
}
