import type { Trouble } from "../../server/cli/doctor/check.js";
import { examine, firstCause } from "../../server/cli/doctor/doctor.js";
import type { Machine } from "../../server/cli/doctor/examination.js";
import { jsonReport, textReport } from "../../server/cli/doctor/report.js";
import { parseServeConfig, type ServeFlags } from "../../server/cli/serveConfig.js";
import { systemClock } from "../../wire/clock.js";

export interface Diagnosis extends Trouble {
  /** The check that found the first cause; empty if nothing is wrong. */
  readonly check: string;
  readonly status: string;
  /** For people, and for programs. */
  readonly reports: string;
  readonly text: string;
}

const HEALTHY: Machine = { clock: systemClock, environment: {}, openFiles: 1_048_576 };

/** Has the doctor examine these options in this process. */
export async function diagnose(flags: ServeFlags, machine: Partial<Machine> = {}): Promise<Diagnosis> {
  const examined = await examine(parseServeConfig({ listen: "127.0.0.1:0", ...flags }), { ...HEALTHY, ...machine });
  const first = firstCause(examined);
  const trouble = first && "cause" in first.finding ? first.finding : { cause: "", cure: "", status: "ok" };
  const text = textReport(examined);
  return { ...trouble, check: first?.name ?? "", text, reports: text + jsonReport(examined) };
}
