import { readFileSync, writeFileSync } from "node:fs";
import { withLock } from "../../scripts/lib.mjs";
import { at } from "../support/paths.js";
import type { Instance } from "./case.js";
import { languages } from "./drivers.js";
import { matrixPage, readResults } from "./matrix.js";

const path = at("docs/conformance.md");

/** docs/conformance.md as it is. */
export const currentPage = (): string => readFileSync(path, "utf8");

/** The page as it should be: the column of one language says what has come of its cases, the others what they said. */
export function pageWith(
  instances: readonly Instance[],
  language: string,
  passed: ReadonlyMap<string, boolean>,
): string {
  const before = readResults(currentPage());
  const columns = languages.map(
    ({ name }) => [name, name === language ? passed : (before.get(name) ?? new Map())] as const,
  );
  return matrixPage(instances, new Map(columns));
}

/** Writes a language's column. The others may be written at the same time. */
export async function writePage(
  instances: readonly Instance[],
  language: string,
  passed: ReadonlyMap<string, boolean>,
): Promise<void> {
  await withLock("conformance-page", async () => writeFileSync(path, pageWith(instances, language, passed)));
}
