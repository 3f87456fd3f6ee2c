import { version } from "../version.js";
import type { Examined, Finding } from "./check.js";
import { firstCause } from "./doctor.js";

const WORDS: Readonly<Record<Finding["status"], string>> = { ok: "ok", warn: "warn", fail: "FAIL", skip: "skip" };

/** For people: one line per check, and then the first cause and its cure. */
export function textReport(examined: readonly Examined[]): string {
  const width = examined.reduce((most, { name }) => Math.max(most, name.length), 0);
  const lines = examined.map(
    ({ name, finding }) => `${WORDS[finding.status].padEnd(4)}  ${name.padEnd(width)}  ${said(finding)}`,
  );
  return `${[...lines, "", ...conclusion(examined)].join("\n")}\n`;
}

/** For machines. The names are part of the command's interface. */
export function jsonReport(examined: readonly Examined[]): string {
  const first = firstCause(examined)?.finding;
  const report = {
    version,
    ok: isGood(examined),
    first_cause:
      first && "cause" in first ? { check: firstCause(examined)?.name, cause: first.cause, cure: first.cure } : null,
    checks: examined.map(({ name, finding }) => ({ check: name, ...finding })),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

/** True if nothing failed. Warnings are allowed. */
export function isGood(examined: readonly Examined[]): boolean {
  return examined.every(({ finding }) => finding.status !== "fail" && !isUnfinished(finding));
}

/** A check for which no time was left proves nothing. */
const isUnfinished = (finding: Finding) => finding.status === "skip" && /time for all checks/.test(finding.detail);

function said(finding: Finding): string {
  return "detail" in finding ? finding.detail : finding.cause;
}

function conclusion(examined: readonly Examined[]): string[] {
  const first = firstCause(examined)?.finding;
  if (first === undefined || !("cause" in first)) return ["Nothing is wrong."];
  const heading = first.status === "fail" ? "First cause" : "Nothing keeps the bridge from working. To note";
  return [`${heading}: ${first.cause}`, `Cure: ${first.cure}`];
}
