/** The role at the top of the hierarchy that a role is in: `a` of `a/b/c`. */
export function topLevel(role: string): string {
  const end = role.indexOf("/");
  return end < 0 ? role : role.slice(0, end);
}

export function isTopmost(role: string): boolean {
  return !role.includes("/");
}

/** A role and those above it, the topmost first: `a`, `a/b`, `a/b/c`. */
export function lineage(role: string): string[] {
  const line: string[] = [];
  for (let end = role.indexOf("/"); end >= 0; end = role.indexOf("/", end + 1)) line.push(role.slice(0, end));
  line.push(role);
  return line;
}
