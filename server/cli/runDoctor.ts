import { systemClock } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";
import { configFrom } from "./configured.js";
import { openFilesLimit } from "./descriptors.js";
import { examine } from "./doctor/doctor.js";
import { isGood, jsonReport, textReport } from "./doctor/report.js";
import { USAGE_ERROR } from "./runProgram.js";
import type { ServeConfig } from "./serveConfig.js";

/** `doctor`: examines, reports on stdout, and ends the process, even if a slow disk still has not answered. */
export async function runDoctor(flags: Readonly<Record<string, unknown>>, json: boolean): Promise<void> {
  let config: ServeConfig;
  try {
    config = configFrom({ flags, env: process.env });
  } catch (error) {
    process.stderr.write(`mesos-bridge doctor: ${errorText(error)}\n`);
    process.exitCode = USAGE_ERROR;
    return;
  }
  const machine = { clock: systemClock, environment: process.env, openFiles: openFilesLimit() };
  const examined = await examine(config, machine);
  const report = json ? jsonReport(examined) : textReport(examined);
  await new Promise<void>((resolve) => {
    process.stdout.write(report, () => resolve());
  });
  process.exit(isGood(examined) ? 0 : 1);
}
