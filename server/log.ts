/** What the bridge's parts need of a logger: pino's shape, fields first. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger whose level can be changed while it is used. */
export interface LeveledLog extends Log {
  /** debug, info, warn or error. */
  level: string;
}

/** A logger that makes others. */
export interface ParentLog extends LeveledLog {
  /** A log with the same output that keeps a level of its own. */
  child(bindings: object, options: { readonly level: string }): Log;
}
