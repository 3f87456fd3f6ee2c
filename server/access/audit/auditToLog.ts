import type { ParentLog } from "../../log.js";
import type { AuditOutput } from "./auditLog.js";

/** The audit log as lines in the output of the bridge's own log, each with its event in `audit`, whatever that log's level is. */
export function auditToLog(log: ParentLog): AuditOutput {
  const lines = log.child({}, { level: "info" });
  return { write: (audit) => lines.info({ audit }, "audit"), end: async () => {} };
}
