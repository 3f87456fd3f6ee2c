import { cpus, freemem, loadavg, totalmem } from "node:os";
import { type Answer, jsonAnswer, notFound, type Request, textAnswer } from "./http/answer.js";
import type { LoggingLevel } from "./logging.js";
import { VERSION } from "./version.js";

const CONFIGURE = "configure libprocess with --enable-perftools";

/** What every process of Mesos serves, master or agent. Undefined for any other path. */
export function answerOfProcess(path: string, request: Request, logging: LoggingLevel): Answer | undefined {
  switch (path) {
    case "/version":
      // A process by itself, and not an endpoint of one: nothing lies below it.
      return /^\/+version\/*$/.test(request.path) ? jsonAnswer(JSON.stringify(VERSION)) : notFound();
    case "/system/stats.json":
      return jsonAnswer(JSON.stringify(systemStats()));
    case "/logging/toggle":
      return logging.toggle(request);
    case "/profiler/start":
    case "/profiler/stop":
      return textAnswer(400, `Perftools is disabled. To enable perftools, ${CONFIGURE}.\n`);
    default:
      return undefined;
  }
}

/** The machine's part of `/metrics/snapshot`. */
export function systemMetrics(): Record<string, number> {
  const stats = Object.entries(systemStats());
  return Object.fromEntries(stats.map(([name, value]) => [`system/${name.replace("avg_load", "load")}`, value]));
}

function systemStats(): Record<string, number> {
  const [one = 0, five = 0, fifteen = 0] = loadavg();
  return {
    avg_load_1min: one,
    avg_load_5min: five,
    avg_load_15min: fifteen,
    cpus_total: cpus().length,
    mem_free_bytes: freemem(),
    mem_total_bytes: totalmem(),
  };
}
