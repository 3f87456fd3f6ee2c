import type { Log } from "../../log.js";
import type { AuditOutput } from "./auditLog.js";

/** The audit log as lines of the bridge's own log, each with its event in `audit`. */
export function auditToLog(log: Log): AuditOutput {
  return { write: (audit) => log.info({ audit }, "audit"), end: async () => {} };
}
