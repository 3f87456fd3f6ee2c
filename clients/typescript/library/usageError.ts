/** The program was called wrongly. Exits with status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
