import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { FrameworkInfo_Capability_Type } from "../../../gen/mesos/v1/mesos.js";
import { addBridgeFlags, type BridgeFlags, bridgeOptions } from "./bridgeFlags.js";
import { BridgeError } from "./errors.js";
import type { SchedulerEvent } from "./events.js";
import { OptionError } from "./optionError.js";
import type { Scheduler, SchedulerOptions } from "./scheduler.js";
import { UsageError } from "./usageError.js";

export { UsageError };

/** The exit status of a program that was called wrongly. */
export const USAGE_ERROR = 2;

/** The program failed; the message is all that a person needs. Exits with status 1. */
export class ProgramError extends Error {
  override readonly name = "ProgramError";
}

/** The options that every program of this folder has. */
export interface CommonOptions extends BridgeFlags {
  frameworkName: string;
  user: string;
  role: string;
}

/**
 * A command with `--bridge` and its like, `--framework-name`, `--user`, `--role`, `--version` and `--help`, with an
 * example if given.
 *
 * @param frameworkName  the default, if it is another one for each run. Default: `name`
 */
export function schedulerCommand(name: string, summary: string, example?: string, frameworkName?: string): Command {
  const command = new Command(name)
    .description(summary)
    .version(projectVersion(), "--version", "print the version and exit");
  addBridgeFlags(command)
    .addOption(frameworkNameOption(name, frameworkName))
    .option("--user <name>", "the user that tasks run as on the agents", userInfo().username)
    .option("--role <role>", "the Mesos role whose resources are used", "*")
    .helpOption("--help", "print this and exit")
    .configureHelp({ helpWidth: 110 })
    .allowExcessArguments(false)
    .showSuggestionAfterError(true);
  return example === undefined ? command : command.addHelpText("after", `\nExample:\n  ${example}`);
}

function frameworkNameOption(name: string, own: string | undefined): Option {
  const option = new Option("--framework-name <name>", "names this framework's session at the bridge");
  return own === undefined ? option.default(name) : option.default(own, "a new one for each run");
}

/** What a Scheduler of such a program starts with. The program itself says what it waits for. */
export function schedulerOptions(options: CommonOptions): SchedulerOptions {
  const { frameworkName, user, role } = options;
  const { MULTI_ROLE, PARTITION_AWARE } = FrameworkInfo_Capability_Type;
  const capabilities = [{ type: MULTI_ROLE }, { type: PARTITION_AWARE }];
  const frameworkInfo = { user, roles: [role], capabilities };
  return { ...bridgeOptions(options), frameworkName, frameworkInfo, log: () => undefined };
}

/**
 * Runs a program: parses its arguments, and turns what `main` returns, or how it fails, into the exit status.
 * `--help` is 0, a wrong call is 2, an error 1 with one line that says what happened.
 *
 * @param main  gets the parsed command
 */
export async function runProgram(command: Command, main: () => Promise<number>): Promise<void> {
  command.exitOverride();
  // Node deprecates how gRPC names a host by its IP address in TLS. That is nothing that a user could change.
  process.noDeprecation = true;
  try {
    await command.parseAsync();
    process.exitCode = await main();
  } catch (error) {
    process.exitCode = reportError(command.name(), error);
  }
}

function reportError(name: string, error: unknown): number {
  // Commander has printed its own.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR;
  if (error instanceof UsageError || error instanceof OptionError) {
    console.error(`${name}: ${error.message}`);
    return USAGE_ERROR;
  }
  if (error instanceof ProgramError) console.error(`${name}: ${error.message}`);
  else if (error instanceof BridgeError) console.error(`${name}: ${describeError(error)}`);
  else console.error(`${name}:`, error);
  return 1;
}

function describeError(error: BridgeError): string {
  if (error.reason === "ATTACHMENT_SUPERSEDED") {
    return "another client attached under the same framework name; use another --framework-name to run both";
  }
  return error.reason === "" || error.message.includes(error.reason)
    ? error.message
    : `${error.message} (${error.reason})`;
}

/** How long an interrupted program tries to tear its framework down, or to hand it over, in ms. */
const TEARDOWN_MS = 10_000;

/** The option `--standby` of a program whose framework name is otherwise one of its own for each run. */
export function standbyOption(): Option {
  return new Option(
    "--standby",
    "wait while another instance is active, and take over when it is gone; an interrupt hands over",
  );
}

/** @throws UsageError if instances that stand by do not share a name */
export function checkStandby(command: Command): void {
  if (command.opts<{ standby?: boolean }>().standby && command.getOptionValueSource("frameworkName") === "default") {
    throw new UsageError("--standby needs --framework-name: the instances share one");
  }
}

/** On Ctrl-C, or SIGTERM, lets the next instance take over, and ends the scheduler's events. @returns whether that has happened */
export function handOverOnInterrupt(scheduler: Scheduler): () => boolean {
  return onInterrupt(async () => {
    if (!scheduler.attached) return await scheduler.close();
    console.error("handing over");
    await scheduler.handOver({ deadlineMs: TEARDOWN_MS }).catch((error: Error) => {
      console.error(`the framework was not handed over: ${error.message}`);
      return scheduler.close(0);
    });
  });
}

/**
 * On Ctrl-C, or SIGTERM, ends the framework in Mesos and with it the scheduler's events. A second one ends the
 * program at once.
 *
 * @returns whether that has happened
 */
export function endOnInterrupt(scheduler: Scheduler): () => boolean {
  return onInterrupt(async () => {
    console.error("ending the framework");
    // Waits for the bridge if it is away: otherwise the framework would keep running without its scheduler.
    await scheduler.teardown({ deadlineMs: TEARDOWN_MS }).catch((error: Error) => {
      console.error(`the framework was not ended: ${error.message}`);
      return scheduler.close(0);
    });
  });
}

/** Does that on the first interrupt. The next one ends the program at once. @returns whether there was one */
function onInterrupt(work: () => Promise<void>): () => boolean {
  let interrupted = false;
  const end = () => {
    interrupted = true;
    process.off("SIGINT", end);
    process.off("SIGTERM", end);
    work().catch((error: Error) => console.error(error.message));
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  return () => interrupted;
}

/** A line for people about an event that reports trouble, or its end. Undefined for all others. */
export function troubleLine(event: SchedulerEvent): string | undefined {
  switch (event.kind) {
    case "detached": {
      // Of a long outage the 1st, 2nd, 4th, 8th ... line is enough.
      if ((event.attempt & (event.attempt - 1)) !== 0) return undefined;
      return `not attached to the bridge: ${event.error.message}; trying again`;
    }
    case "opened":
      return event.failures > 0 ? "attached to the bridge" : undefined;
    default:
      return mesosTroubleLine(event);
  }
}

/** The same without trouble with the bridge itself, which the scheduler logs by default. */
export function mesosTroubleLine(event: SchedulerEvent): string | undefined {
  switch (event.kind) {
    case "link-changed":
      return event.linked
        ? `the bridge is connected to the Mesos master ${event.master}`
        : `the bridge has no Mesos master: ${event.reason || "it is looking for one"}`;
    case "mesos-error":
      return `Mesos says: ${event.message}`;
    case "acknowledgement-refused":
      return `an acknowledgement was refused: ${event.error.message}`;
    default:
      return undefined;
  }
}

/** An option's value as a whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
  };
}

/** An option's value as a number of at least `least`. */
export function decimalNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a number of at least ${least}.`);
  };
}

/** The version of the project whose folder this file is in, compiled or not. */
function projectVersion(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const path = join(folder, "package.json");
    if (existsSync(path)) return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
    if (folder === dirname(folder)) return "unknown";
  }
}
