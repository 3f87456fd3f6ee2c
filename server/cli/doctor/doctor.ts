import { errorText } from "../../../wire/errorText.js";
import type { ServeConfig } from "../serveConfig.js";
import { type Check, type Examined, type Finding, fail, skip } from "./check.js";
import { CHECKS } from "./checks.js";
import { Examination, type Machine } from "./examination.js";

const DEADLINE_MS = 4_500;
/** All checks together. */
const WHOLE_MS = 20_000;

/**
 * Makes all checks that the options give a reason for, one after the other, in the order in which causes precede their
 * effects. It changes nothing: neither in the data directory nor at the master.
 *
 * @param wholeMs what all checks together may take. Default 20,000
 */
export async function examine(config: ServeConfig, machine: Machine, wholeMs = WHOLE_MS): Promise<Examined[]> {
  const examination = new Examination(config, machine);
  const whole = new AbortController();
  const timer = setTimeout(() => whole.abort(), wholeMs);
  const examined: Examined[] = [];
  try {
    for (const check of CHECKS) {
      if (check.applies?.(examination) === false) continue;
      const finding = obstacle(check, examined) ?? (await made(check, examination, whole.signal));
      examined.push({ name: check.name, finding: redacted(finding, examination) });
    }
    return examined;
  } finally {
    clearTimeout(timer);
    await examination.opened.close();
  }
}

/** The first thing that is wrong: a failure, or else a warning. */
export function firstCause(examined: readonly Examined[]): Examined | undefined {
  const first = (status: Finding["status"]) => examined.find(({ finding }) => finding.status === status);
  return first("fail") ?? first("warn");
}

/** Why a check can't show anything: one that it needs has failed. */
function obstacle({ needs = [] }: Check, examined: readonly Examined[]): Finding | undefined {
  const before = examined.find(({ name, finding }) => needs.includes(name) && isObstacle(finding));
  return before && skip(`because of: ${before.name}`);
}

const isObstacle = ({ status }: Finding) => status === "fail" || status === "skip";

async function made(check: Check, examination: Examination, whole: AbortSignal): Promise<Finding> {
  if (whole.aborted) return skip("the time for all checks is over");
  const { deadlineMs = DEADLINE_MS } = check;
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), deadlineMs);
  const signal = AbortSignal.any([ended.signal, whole]);
  const overdue = new Promise<Finding>((resolve) => {
    const giveUp = () => {
      const cause = `${check.name}: it took longer than ${deadlineMs / 1000} s to find out`;
      // What was told to give up by the signal may know better.
      setImmediate(() =>
        resolve(fail(cause, "Check whether the disk or the network is overloaded, and run it again.")),
      );
    };
    signal.addEventListener("abort", giveUp, { once: true });
  });
  try {
    return await Promise.race([tried(check, examination, signal), overdue]);
  } finally {
    clearTimeout(timer);
  }
}

async function tried(check: Check, examination: Examination, signal: AbortSignal): Promise<Finding> {
  try {
    return await check.run(examination, signal);
  } catch (error) {
    return fail(errorText(error), "Correct what it names, and run the doctor again.");
  }
}

function redacted(finding: Finding, examination: Examination): Finding {
  const redact = (text: string) => examination.redact(text).replace(/\s+/g, " ").trim();
  if ("detail" in finding) return { ...finding, detail: redact(finding.detail) };
  return { ...finding, cause: redact(finding.cause), cure: redact(finding.cure) };
}
