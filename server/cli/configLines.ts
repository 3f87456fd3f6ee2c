/** The line of a key at the top of a TOML file; 1 if it is written in a way that can't be found. */
export function keyLine(text: string, key: string): number {
  const name = key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`^\\s*(?:\\[+\\s*)?(?:${name}|"${name}"|'${name}')\\s*[=.\\]]`);
  return (
    Math.max(
      0,
      linesOf(text).findIndex((line) => pattern.test(line)),
    ) + 1
  );
}

/** The key that a line of a TOML file begins with. */
export function keyOnLine(text: string, line: number): string | undefined {
  return /^\s*["']?([\w-]+)["']?\s*=/.exec(linesOf(text)[line - 1] ?? "")?.[1];
}

function linesOf(text: string): string[] {
  // Texts of several lines may hold what looks like a key.
  const plain = text.replace(/"""[\s\S]*?"""|'''[\s\S]*?'''/g, (long) => long.replace(/[^\n]/g, ""));
  return plain.split("\n");
}
