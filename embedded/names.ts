/** What is wrong with an id of a task, executor, framework, agent or volume, or undefined. */
export function invalidId(id: string): string | undefined {
  if (id === "") return "ID must not be empty";
  if (Buffer.byteLength(id) > 255) return "ID must not be greater than 255 characters";
  if (id === "." || id === "..") return `'${id}' is disallowed`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what the rule is about.
  return /[\x00-\x1f\x7f/\\]/.test(id) ? `'${id}' contains invalid characters` : undefined;
}

/** What is wrong with a role, or undefined. */
export function invalidRole(role: string): string | undefined {
  if (role === "*") return undefined;
  if (role === "") return "Role names cannot be the empty string";
  if (role.startsWith("/")) return `Role '${role}' cannot start with a slash`;
  if (role.endsWith("/")) return `Role '${role}' cannot end with a slash`;
  if (role.includes("//")) return `Role '${role}' cannot contain two adjacent slashes`;
  for (const component of role.split("/")) {
    const error = invalidComponent(role, component);
    if (error !== undefined) return error;
  }
  return undefined;
}

function invalidComponent(role: string, component: string): string | undefined {
  if (component === "." || component === ".." || component === "*") {
    return `Role '${role}' cannot include '${component}' as a component`;
  }
  if (component.startsWith("-")) return `Role component '${component}' is invalid because it starts with a dash`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what the rule is about.
  if (/[\x09-\x0d\x20\x7f]/.test(component)) {
    return `Role component '${component}' is invalid because it contains backspace or whitespace`;
  }
  return undefined;
}
