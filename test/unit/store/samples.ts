import { FrameworkInfo } from "../../../gen/mesos/v1/mesos.js";
import type { Log } from "../../../server/log.js";
import type { FrameworkRecord } from "../../../server/session/frameworkStore.js";

export function info(user: string): Buffer {
  return Buffer.from(FrameworkInfo.encode(FrameworkInfo.fromPartial({ user })).finish());
}

export function record(frameworkName: string, more: Partial<FrameworkRecord> = {}): FrameworkRecord {
  return {
    frameworkName,
    frameworkId: `id of ${frameworkName}`,
    frameworkInfo: info("root"),
    suppressedRoles: ["a", "b/c"],
    offerConstraints: Buffer.alloc(0),
    leaseMs: 60_000,
    expiryPolicy: "disconnect",
    open: true,
    detachedAtMs: undefined,
    ...more,
  };
}

/** A log whose lines can be looked at, as `level message`. */
export class Lines implements Log {
  readonly all: string[] = [];

  /** Those that an operator should see. */
  get notable(): string[] {
    return this.all.filter((line) => line.startsWith("warn") || line.startsWith("error"));
  }

  debug = this.#keep("debug");
  info = this.#keep("info");
  warn = this.#keep("warn");
  #keep(level: string): (fields: object, message: string) => void {
    return (_, message) => {
      this.all.push(`${level} ${message}`);
    };
  }
  error = (fields: object, message: string) => {
    const { err } = fields as { err?: Error };
    this.all.push(`error ${message}${err ? `: ${err.message}` : ""}`);
  };
}
