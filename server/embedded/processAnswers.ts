import { cpus, freemem, loadavg, totalmem } from "node:os";
import { type Answer, jsonAnswer, textAnswer } from "./http/answer.js";
import { VERSION } from "./version.js";

/** What every process of Mesos serves, master or agent. Undefined for any other path. */
export function answerOfProcess(path: string): Answer | undefined {
  switch (path) {
    case "/version":
      return jsonAnswer(JSON.stringify(VERSION));
    case "/system/stats.json":
      return jsonAnswer(JSON.stringify(systemStats()));
    case "/logging/toggle":
      return textAnswer(200, "0\n");
    default:
      return undefined;
  }
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
