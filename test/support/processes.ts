import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/**
 * The Node processes that run this script, as their command lines name it, and have `word` among their arguments.
 *
 * @param folder where they run. Needed if another test may run the same words somewhere else. Default: anywhere
 */
export function processesOf(script: string, word: string, folder?: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [node, first, ...others] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        if (!node?.endsWith("node") || first !== script || !others.includes(word)) return false;
        return folder === undefined || readlinkSync(`/proc/${pid}/cwd`) === folder;
      } catch {
        return false;
      }
    })
    .map(Number);
}
