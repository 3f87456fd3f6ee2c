/** What the first one that has something wrong has, or undefined. */
export function firstError<T>(all: readonly T[], check: (one: T) => string | undefined): string | undefined {
  for (const one of all) {
    const error = check(one);
    if (error !== undefined) return error;
  }
  return undefined;
}

export function prefixed(prefix: string, error: string | undefined): string | undefined {
  return error === undefined ? undefined : prefix + error;
}
