import { errorText } from "../../wire/errorText.js";

/** What is remembered of a framework can't be used. */
export class RestoreError extends Error {
  override readonly name = "RestoreError";
  readonly frameworkName: string;

  constructor(frameworkName: string, cause: unknown) {
    const reason = errorText(cause);
    super(`the stored record of the framework '${frameworkName}' can't be read: ${reason}`, { cause });
    this.frameworkName = frameworkName;
  }
}
