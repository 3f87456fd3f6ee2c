/** What a caught value says, for a message: anything can be thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The same with the place in the code that it came from, where it is known: for a log, after a fault. */
export function errorTrace(error: unknown): string {
  return error instanceof Error && error.stack !== undefined ? error.stack : errorText(error);
}
