import type { Flags } from "../flags.js";

/** The roles that the flag `--roles` allows; undefined if it allows all. */
export function allowedRoles(flags: Flags): ReadonlySet<string> | undefined {
  const allowed = flags.text("roles");
  return allowed === "" ? undefined : new Set(["*", ...allowed.split(",").map((role) => role.trim())]);
}

export function isAllowedRole(flags: Flags, role: string): boolean {
  return allowedRoles(flags)?.has(role) ?? true;
}
