import { Command } from "commander";
import { errorText } from "../../wire/errorText.js";
import type { Log } from "../log.js";
import { fillDataDir, readBackup, writeBackup } from "../store/backupFile.js";
import { holdsFrameworks, loadFrameworks } from "../store/dataDir.js";
import { sizeText } from "../store/sizeText.js";
import { restoreProblems } from "./restoreProblems.js";
import { shellWord } from "./shellWord.js";
import { version } from "./version.js";

const silent = () => {};
/** An incomplete last write is not worth a message: a bridge may be writing. */
const quietLog: Log = { debug: silent, info: silent, warn: silent, error: silent };

/** `backup`: copies what a data directory holds into one file. */
export function backupCommand(): Command {
  return new Command("backup")
    .description(
      "Copies what a data directory holds, frameworks, tasks and state, into one file with a checksum. Works at any time, also " +
        "while a bridge writes to the directory. The file has its name only when it is complete.",
    )
    .requiredOption("--data-dir <dir>", "the data directory of the bridge")
    .requiredOption("--output <file>", "the file to write, which must not exist; only its owner may read it")
    .showHelpAfterError("(add --help for usage)")
    .addHelpText("after", "\nExample:\n  mesos-bridge backup --data-dir ./data --output bridge.backup")
    .action(({ dataDir, output }: { dataDir: string; output: string }) => run("backup", () => backup(dataDir, output)));
}

/** `restore`: makes a data directory of such a file. */
export function restoreCommand(): Command {
  return new Command("restore")
    .description(
      "Makes a data directory of a file that 'mesos-bridge backup' wrote. Tells Mesos nothing: the next bridge on the " +
        "directory continues the frameworks.",
    )
    .requiredOption("--from <file>", "the backup")
    .requiredOption("--data-dir <dir>", "the directory to fill, which must be empty; created if missing")
    .showHelpAfterError("(add --help for usage)")
    .addHelpText("after", "\nExample:\n  mesos-bridge restore --from bridge.backup --data-dir ./restored")
    .action(({ from, dataDir }: { from: string; dataDir: string }) => run("restore", () => restore(from, dataDir)));
}

async function run(command: string, action: () => Promise<string>): Promise<void> {
  try {
    process.stdout.write(await action());
  } catch (error) {
    process.stderr.write(`mesos-bridge ${command}: ${errorText(error)}\n`);
    process.exitCode = 1;
  }
}

async function backup(dataDir: string, output: string): Promise<string> {
  if (!holdsFrameworks(dataDir)) throw new Error(`--data-dir: ${dataDir} is not the data directory of a bridge`);
  const { kept } = await named("--data-dir", () => loadFrameworks(dataDir, quietLog));
  for (const problem of restoreProblems(kept, dataDir)) {
    process.stderr.write(`mesos-bridge backup: this is in the backup as it is: ${problem}\n`);
  }
  const made = { createdAt: new Date().toISOString(), bridge: version };
  await named("--output", () => writeBackup(output, kept, made));
  return `${sizeText(kept.size)} are in ${output}\n`;
}

async function restore(from: string, dataDir: string): Promise<string> {
  const { note, kept } = await named("--from", async () => readBackup(from));
  await named("--data-dir", () => fillDataDir(dataDir, kept));
  return `${sizeText(kept.size)} are in ${dataDir}, as they were at ${note.createdAt}.
The next bridge with --data-dir ${shellWord(dataDir)} continues them:
- No other bridge may hold these frameworks any more. Of two that do, each takes the subscriptions from the other.
- A framework that Mesos has removed since then ends with FRAMEWORK_REMOVED when it subscribes.
- A framework that was created since then is not known: its next client would get a new framework id. Store its id with
  'mesos-bridge frameworks import' before that.
- The bridge asks Mesos about every task: those that have ended since then are told to their client as such, and those
  that were launched since then become known.
`;
}

/** Runs `work`. If it throws, the error names the option. */
async function named<T>(option: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${option}: ${errorText(error)}`);
  }
}
