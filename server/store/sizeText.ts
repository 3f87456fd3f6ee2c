import type { KeptSize } from "./keptFrameworks.js";

/** How much that is, for a person. */
export function sizeText({ frameworks, tasks, keys }: KeptSize): string {
  const ofState = keys === 0 ? "" : `, and ${counted(keys, "key")} of state`;
  return `${counted(frameworks, "framework")} and ${counted(tasks, "task")}${ofState}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
