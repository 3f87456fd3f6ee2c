import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import type { Command } from "commander";
import { type CommonOptions, decimalNumber, schedulerCommand, UsageError, wholeNumber } from "../library/program.js";
import type { RunRecord } from "./ledger.js";

/** The options of `mesos-invert`, checked and with their defaults. */
export interface InvertOptions extends Omit<CommonOptions, "frameworkName"> {
  /** The `--framework-name`, if one was given. */
  givenName?: string;
  /** Absolute. */
  output: string;
  list?: string;
  recursive: boolean;
  serveHost: string;
  servePort: number;
  advertiseHost?: string;
  taskCpus: number;
  taskMem: number;
  executorCpus: number;
  executorMem: number;
  retries: number;
  timeout: number;
  /** Seconds. */
  giveUpAfter: number;
  maxMegapixels: number;
  maxInputMb: number;
  maxResultMb: number;
}

const EXPLANATION = `
A folder stands for the images in it (.jpg .jpeg .png .webp .gif .tif .tiff .avif).

The agents fetch the images and the executor from this program over HTTP, and upload the results to it, so they must
be able to reach it. If agents run on other machines, add --serve-host 0.0.0.0, and an address of this machine as
--advertise-host. The agents fetch URLs themselves.

Results are DIR/<name>-inverted.<ext>; DIR/index.html shows them. If the program was interrupted or died, run the same
command again: finished images stay finished, and running tasks are found again.

Inputs that can't be used, such as a broken link, are named and left out; the others are inverted.

Exit status: 0 all images are inverted, 1 some are not or an input can't be used, 2 wrong usage or nothing to invert,
130 interrupted.

Example:
  mesos-invert --bridge 127.0.0.1:50051 --output inverted images/ https://example.org/cat.jpg
`;

/** The command line of `mesos-invert`. */
export function invertCommand(): Command {
  return schedulerCommand(
    "mesos-invert",
    "Inverts the colours of images on Mesos, one task per image, through the bridge.",
  )
    .argument("[image...]", "image files, folders, http(s) URLs")
    .requiredOption("--output <dir>", "where the results go; created if missing")
    .option("--list <file>", "file with more inputs, one path or URL per line; blank lines and # comments are skipped")
    .option("--recursive", "look into nested folders too, but do not follow links", false)
    .option("--serve-host <address>", "the address on which to serve the agents", "127.0.0.1")
    .option("--serve-port <port>", "the port on which to serve them; 0 picks a free one", wholeNumber(0), 0)
    .option("--advertise-host <host>", "what agents call this machine (default: the --serve-host, or the host name)")
    .option("--task-cpus <n>", "CPUs of a task", decimalNumber(0.01), 0.5)
    .option("--task-mem <mb>", "memory of a task, in MB", decimalNumber(32), 256)
    .option("--executor-cpus <n>", "CPUs of an agent's executor", decimalNumber(0.01), 0.1)
    .option("--executor-mem <mb>", "memory of an agent's executor, in MB", decimalNumber(32), 64)
    .option("--retries <n>", "how often to retry an image whose task was lost", wholeNumber(0), 3)
    .option("--timeout <seconds>", "how long one image may take", decimalNumber(1), 120)
    .option("--give-up-after <seconds>", "exit when the bridge has been unreachable for this long", wholeNumber(0), 600)
    .option("--max-megapixels <n>", "largest image", decimalNumber(0.01), 100)
    .option("--max-input-mb <mb>", "largest input file, in MiB", decimalNumber(0.001), 64)
    .option("--max-result-mb <mb>", "largest result, in MiB", decimalNumber(0.001), 256)
    .addHelpText("after", EXPLANATION);
}

/** The options of a parsed command. */
export function invertOptions(command: Command): InvertOptions {
  const { frameworkName, ...options } = command.opts<InvertOptions & CommonOptions>();
  if (options.servePort > 65_535) throw new UsageError("--serve-port: ports end at 65535");
  if (options.output === "") throw new UsageError("--output: name a folder");
  const given = command.getOptionValueSource("frameworkName") !== "default";
  return { ...options, output: resolve(options.output), ...(given && { givenName: frameworkName }) };
}

/**
 * The framework's name: an open one keeps its own, whatever this host is called by now.
 *
 * @param run  what the ledger of the output folder knows
 * @throws UsageError when another framework is open in the output folder
 */
export function frameworkNameOf({ output, givenName }: InvertOptions, run: RunRecord | undefined): string {
  if (run === undefined || !run.frameworkOpen) return givenName ?? ownFrameworkName(output);
  // The tasks of another framework could neither be found again nor killed.
  if (givenName !== undefined && run.frameworkName !== givenName) {
    throw new UsageError(
      `this output folder belongs to the framework ${run.frameworkName}: use that as --framework-name, or none, ` +
        "or choose another --output",
    );
  }
  return run.frameworkName;
}

/** One framework per folder: tasks are found again, and two batches don't mix. */
function ownFrameworkName(output: string): string {
  const digest = createHash("sha256").update(`${hostname()}\0${output}`).digest("hex");
  return `mesos-invert-${digest.slice(0, 10)}`;
}

/** What agents call this machine. */
export function advertisedHost({ advertiseHost, serveHost }: InvertOptions): string {
  if (advertiseHost !== undefined) return advertiseHost;
  return serveHost === "0.0.0.0" || serveHost === "::" ? hostname() : serveHost;
}
