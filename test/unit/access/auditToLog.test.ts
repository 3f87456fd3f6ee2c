import { pino } from "pino";
import { expect, test } from "vitest";
import { auditToLog } from "../../../server/access/audit/auditToLog.js";

test("the audit log is written to the log whatever its level is, and whenever that is set", () => {
  const written: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => written.push(line) });
  const audit = auditToLog(log);
  audit.write({ event: "one" });
  log.level = "info";
  audit.write({ event: "two" });
  log.level = "error";
  audit.write({ event: "three" });
  const events = written.map((line) => (JSON.parse(line) as { audit: { event: string } }).audit.event);
  expect(events).toEqual(["one", "two", "three"]);
});
