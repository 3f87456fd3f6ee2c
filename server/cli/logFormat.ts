import { isatty } from "node:tty";
import { pino } from "pino";
import type { ParentLog } from "../log.js";
import type { LogOutput } from "./logOutput.js";
import { readableLine } from "./readableLine.js";
import type { ServeConfig } from "./serveConfig.js";

/** Makes what is to be written of a line of JSON. Both end with a newline. */
export type FormatLine = (line: string) => string;

const STDERR = 2;

/**
 * The form of the lines on stderr: `auto` is `pretty` on a terminal, and `json` otherwise. Only a terminal gets colours,
 * unless NO_COLOR is set or TERM is `dumb`.
 */
export function formatFor(
  format: ServeConfig["logFormat"],
  env: NodeJS.ProcessEnv,
  isTerminal = isatty(STDERR),
): FormatLine {
  if (format === "json" || (format === "auto" && !isTerminal)) return (line) => line;
  const { NO_COLOR = "", TERM } = env;
  const colours = isTerminal && NO_COLOR === "" && TERM !== "dumb";
  return (line) => readableLine(line, colours);
}

/** A log that writes lines with names of levels, and times in ISO 8601 (UTC, with milliseconds). */
export function logOn(output: Pick<LogOutput, "write">, level: string, format: FormatLine): ParentLog {
  return pino(
    { level, base: null, formatters: { level: (name) => ({ level: name }) }, timestamp },
    { write: (line: string) => output.write(format(line)) },
  );
}

/** The line that says that lines were dropped. */
export function droppedLines(lines: number): string {
  const msg = "lines of this log were dropped, because they were not read";
  return `${JSON.stringify({ level: "warn", time: isoTime(), lines, msg })}\n`;
}

const timestamp = () => `,"time":"${isoTime()}"`;

/** The seconds of the last line, formatted: many lines share them. */
let last = { second: Number.NaN, text: "" };

function isoTime(): string {
  const ms = Date.now();
  const second = Math.floor(ms / 1000);
  if (second !== last.second) last = { second, text: new Date(second * 1000).toISOString().slice(0, -4) };
  return `${last.text}${String(ms - second * 1000).padStart(3, "0")}Z`;
}
