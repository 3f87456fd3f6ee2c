import type { MasterState } from "./state.js";

/** The roles that the flag `--roles` allows; undefined if it allows all. */
export function allowedRoles(state: MasterState): ReadonlySet<string> | undefined {
  const allowed = state.flags.text("roles");
  return allowed === "" ? undefined : new Set(["*", ...allowed.split(",").map((role) => role.trim())]);
}

export function isAllowedRole(state: MasterState, role: string): boolean {
  return allowedRoles(state)?.has(role) ?? true;
}
