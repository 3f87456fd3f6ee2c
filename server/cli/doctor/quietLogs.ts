import type { Log, ParentLog } from "../../log.js";

const silent = () => {};

/** For parts that log what a check reports in its own way. */
export const silentLog: Log = { debug: silent, info: silent, warn: silent, error: silent };

/** A log that keeps what is warned of, for a check to report. */
export class WarningsLog implements ParentLog {
  level = "warn";
  /** Fields and texts, in their order. */
  readonly warnings: { readonly fields: object; readonly message: string }[] = [];
  readonly debug = silent;
  readonly info = silent;

  readonly warn = (fields: object, message: string): void => {
    this.warnings.push({ fields, message });
  };

  readonly error = (fields: object, message: string): void => this.warn(fields, message);

  child(): Log {
    return this;
  }
}
