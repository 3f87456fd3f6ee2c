import { Command, InvalidArgumentError } from "commander";
import type { EmbeddedCluster } from "../../embedded/cluster.js";
import { DEFAULT_RESOURCES } from "../../embedded/flags.js";
import type { Credential } from "../../embedded/http/basicAuth.js";
import { errorText } from "../../wire/errorText.js";
import { DataDirOwner } from "../store/dataDirOwner.js";
import { LogOutput, writeToStdout } from "./logOutput.js";

interface LocalOptions {
  agents: number;
  port: number;
  workDir: string;
  resources: string;
  attributes: string;
  credential: Credential[];
  flag: Record<string, string>;
  keep?: boolean;
}

/** `local`: runs the embedded cluster until it gets SIGTERM or SIGINT. */
export function localCommand(): Command {
  return new Command("local")
    .description(
      "Runs a small Mesos cluster in this process, for development and tests: a master and agents, each with its own port, " +
        "with Mesos's HTTP APIs and real executor processes. Do not use it in production.",
    )
    .option("--agents <count>", "how many agents", wholeNumber, 1)
    .option("--port <port>", "the master's port; 0 picks a free one, which the 'ready' line names", portNumber, 5050)
    .requiredOption(
      "--work-dir <dir>",
      "the folder for sandboxes and volumes; removes what an earlier run created there, unless --keep, and nothing else",
    )
    .option(
      "--keep",
      "continue where an earlier run with --keep and this work directory was killed: agents and frameworks keep their ids, " +
        "and tasks of frameworks with 'checkpoint' keep running",
    )
    .option(
      "--resources <text>",
      "resources of each agent; if cpus, mem, disk or ports is not named, the machine's is used",
      DEFAULT_RESOURCES,
    )
    .option("--attributes <text>", "attributes of each agent, such as 'rack:a;zone:west'", "")
    .option(
      "--credential <principal:secret>",
      "require HTTP basic authentication of frameworks (repeatable)",
      addCredential,
      [],
    )
    .option(
      "--flag <name=value>",
      "a flag of mesos-master or mesos-agent, such as offer_timeout=5secs (repeatable)",
      addFlag,
      {},
    )
    .addHelpText(
      "after",
      "\nPrints one line 'ready http://127.0.0.1:PORT' when the master answers and all agents are registered.\n" +
        "It does not wait for an agent that the master refuses, such as one whose machine is down; the log names it.\n" +
        "SIGTERM and SIGINT end master, agents and executors. SIGKILL ends only master and agents: with --keep, executors\nof frameworks with 'checkpoint' wait for the next run for up to 15 minutes.\n\n" +
        "Example:\n  mesos-bridge local --agents 2 --port 5050 --work-dir /tmp/mesos\n  curl http://127.0.0.1:5050/state",
    )
    .action((options: LocalOptions) => runLocal(options));
}

async function runLocal(options: LocalOptions): Promise<void> {
  let cluster: EmbeddedCluster;
  const output = new LogOutput((lines) =>
    logLine(`${lines} lines of this log were dropped, because they were not read`),
  );
  try {
    // Loaded on demand: otherwise the other commands would load it too.
    const { startEmbeddedCluster } = await import("../../embedded/cluster.js");
    cluster = await startEmbeddedCluster({
      port: options.port,
      agents: options.agents,
      workDir: options.workDir,
      lock: (folder) => DataDirOwner.acquire(folder, "local"),
      keep: options.keep ?? false,
      resources: options.resources,
      attributes: options.attributes,
      credentials: options.credential,
      flags: options.flag,
      log: (line) => output.write(logLine(line)),
    });
  } catch (error) {
    output.write(`mesos-bridge local: ${errorText(error)}\n`);
    await output.end();
    process.exitCode = 1;
    return;
  }
  const stop = new Promise<void>((resolve) => {
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
  writeToStdout(`ready ${cluster.url}\n`);
  await stop;
  await cluster.close();
  await output.end();
  process.exit(0);
}

function logLine(text: string): string {
  return `${new Date().toISOString()} ${text}\n`;
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 1000)
    throw new InvalidArgumentError("Give a number from 1 to 1000.");
  return number;
}

function portNumber(text: string): number {
  const number = Number(text);
  if (text === "" || !Number.isInteger(number) || number < 0 || number > 65_535) {
    throw new InvalidArgumentError("Give a port from 0 to 65535.");
  }
  return number;
}

function addCredential(text: string, known: Credential[]): Credential[] {
  const colon = text.indexOf(":");
  if (colon <= 0) throw new InvalidArgumentError("Write PRINCIPAL:SECRET.");
  return [...known, { principal: text.slice(0, colon), secret: text.slice(colon + 1) }];
}

function addFlag(text: string, known: Record<string, string>): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals <= 0) throw new InvalidArgumentError("Write NAME=VALUE.");
  return { ...known, [text.slice(0, equals)]: text.slice(equals + 1) };
}
