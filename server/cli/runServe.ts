import { setFlagsFromString } from "node:v8";
import { errorText } from "../../wire/errorText.js";
import { lookAtAllFiles } from "../files/watchedFiles.js";
import type { LeveledLog, ParentLog } from "../log.js";
import { droppedLines, type FormatLine, formatFor, logOn } from "./logFormat.js";
import { LogOutput, writeToStdout } from "./logOutput.js";
import { Reloader } from "./reloader.js";
import { ReloadSignals } from "./reloadSignals.js";
import { USAGE_ERROR } from "./runProgram.js";
import { serve } from "./serve.js";
import { parseServeConfig, type ServeConfig } from "./serveConfig.js";
import { SERVE_OPTIONS } from "./serveOptions.js";
import { gatherSettings, type Settings, type Sources } from "./settings.js";
import { stopSignal } from "./stopSignals.js";

/** `serve`: runs the bridge until it gets SIGTERM or SIGINT. Ends the process. */
export async function runServe(flags: Readonly<Record<string, unknown>>): Promise<void> {
  // The bytes of events are outside V8's heap. At a high rate their growth alone triggers frequent collections, whose
  // threads compete for the processor. Collections are rare if the heap may grow to three times its live size.
  setFlagsFromString("--heap-growing-percent=200");
  let format: FormatLine = (line) => line;
  const output = new LogOutput((lines) => format(droppedLines(lines)));
  process.on("exit", () => output.flush());
  const signals = new ReloadSignals();
  let status = USAGE_ERROR;
  let settings: ServeSettings | undefined;
  try {
    const sources = { flags, env: { ...process.env } };
    settings = gatherSettings(SERVE_OPTIONS, sources);
    const config = parseServeConfig(settings.typed);
    status = 1;
    format = formatFor(config.logFormat, process.env);
    await run({ config, settings, sources }, signals, logOn(output, config.logLevel, format));
    status = 0;
  } catch (error) {
    const text = errorText(error);
    output.write(`mesos-bridge: ${settings?.explain(text) ?? text}\n`);
  }
  await output.end();
  signals.endIfTerminalIsGone();
  process.exit(status);
}

type ServeSettings = Settings<typeof SERVE_OPTIONS>;

interface Configured {
  readonly config: ServeConfig;
  readonly settings: ServeSettings;
  readonly sources: Sources;
}

async function run(
  { config, settings, sources }: Configured,
  signals: ReloadSignals,
  log: ParentLog & LeveledLog,
): Promise<void> {
  for (const note of settings.notes) log.info({}, note);
  const bridge = await serve(config, log);
  const apply = (to: ServeConfig) => bridge.replaceLimits(to);
  const stop = stopSignal();
  // At once, so that whoever reads the first of the lines has all of them.
  const lines = bridge.addresses.map((address) => `ready ${address}\n`);
  if (bridge.httpAddress !== undefined) lines.push(`http ${bridge.httpAddress}\n`);
  writeToStdout(lines.join(""));
  for (const address of bridge.addresses) log.info({ address }, "serving");
  signals.setTarget(new Reloader({ sources, config, log, apply, lookAtFiles: lookAtAllFiles }));
  const signal = await Promise.race([stop, bridge.takenOver]);
  // At once: another process has the frameworks now, and two would keep taking each other's subscriptions.
  if (signal instanceof Error) throw signal;
  signals.setTarget(undefined);
  log.info({ signal }, "draining");
  await bridge.close();
  log.info({}, "ended");
}
