import type { Clock } from "../../wire/clock.js";
import { AuditFile } from "../access/audit/auditFile.js";
import { AuditLog } from "../access/audit/auditLog.js";
import { auditToLog } from "../access/audit/auditToLog.js";
import type { ParentLog } from "../log.js";

/** Opens the audit log. Undefined without --audit-log. @throws Error with one line that names the option, the file and the cause */
export async function openAudit(path: string | undefined, clock: Clock, log: ParentLog): Promise<AuditLog | undefined> {
  if (path === undefined) return undefined;
  return new AuditLog(path === "-" ? auditToLog(log) : await AuditFile.open(path, log, clock), clock);
}
