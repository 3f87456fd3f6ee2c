import { z } from "zod";
import { HealthCheck_Type, type TaskInfo } from "../../../gen/mesos/v1/mesos.js";
import type { DeepPartial } from "./deepPartial.js";

const text = z.string().min(1);
const seconds = z.number().nonnegative().max(31_536_000);
const often = z.number().min(0.1).max(86_400);
const waits = { delaySeconds: seconds.default(15), gracePeriodSeconds: seconds.default(300) };
const repeats = { intervalSeconds: often.default(60), timeoutSeconds: often.default(20) };
const timing = { ...waits, ...repeats, maxConsecutiveFailures: z.int().positive().default(3) };
const command = z.strictObject({ protocol: z.literal("COMMAND"), command: z.strictObject({ value: text }), ...timing });
const address = { path: z.string().startsWith("/").default("/"), port: z.int().min(1).max(65_535) };
const http = z.strictObject({ protocol: z.enum(["HTTP", "MESOS_HTTP"]), ...address, ...timing });

/** A health check in Marathon's JSON, with its defaults. */
export const healthCheckSchema = z.discriminatedUnion("protocol", [command, http]);
export type HealthCheck = z.infer<typeof healthCheckSchema>;

/** The same for Mesos, which runs it beside the task. */
export function healthCheckInfo(check: HealthCheck): DeepPartial<TaskInfo>["healthCheck"] {
  const { COMMAND, HTTP } = HealthCheck_Type;
  const { delaySeconds, gracePeriodSeconds, intervalSeconds, timeoutSeconds, maxConsecutiveFailures } = check;
  const times = { delaySeconds, gracePeriodSeconds, intervalSeconds, timeoutSeconds };
  const common = { ...times, consecutiveFailures: maxConsecutiveFailures };
  if (check.protocol === "COMMAND") {
    return { ...common, type: COMMAND, command: { shell: true, value: check.command.value } };
  }
  return { ...common, type: HTTP, http: { scheme: "http", port: check.port, path: check.path } };
}
