import { readdirSync, readFileSync } from "node:fs";

/** The Node processes that run this script, as their command lines name it, and have `word` among their arguments. */
export function processesOf(script: string, word: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [node, first, ...others] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return node?.endsWith("node") && first === script && others.includes(word);
      } catch {
        return false;
      }
    })
    .map(Number);
}
