import { existsSync, readFileSync } from "node:fs";

/** The release, from the nearest package.json above: the code runs both from its sources and from dist/. */
export const version: string = findVersion(new URL("./", import.meta.url));

function findVersion(directory: URL): string {
  const file = new URL("package.json", directory);
  if (existsSync(file)) {
    const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof parsed === "object" && parsed !== null && "version" in parsed) return String(parsed.version);
  }
  const parent = new URL("../", directory);
  return parent.href === directory.href ? "unknown" : findVersion(parent);
}
