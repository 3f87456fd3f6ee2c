import { readFileSync } from "node:fs";
import { Command } from "commander";
import { errorText } from "../../wire/errorText.js";
import { whyUnreadable } from "../files/watchedFiles.js";
import type { CheckOptions } from "./admissionCheck.js";

const EXAMPLES = `
Without a task, it shows what each rule makes of a task in which nothing is set, and of one in which everything is.
The exit status is 1 if the file is wrong, or if a rule in the mode deny refuses the task.

Examples:
  mesos-bridge admission check rules.toml
  mesos-bridge admission check rules.toml task.json --framework framework.json --identity token:ci`;

/** `admission`: tries the rules of `serve --admission`. */
export function admissionCommand(): Command {
  const command = new Command("admission")
    .description("Tries rules for tasks, as serve --admission uses them.")
    .showHelpAfterError("(add --help for usage)");
  command
    .command("check <file> [task]")
    .description("Checks a file of rules, and shows what they make of a task (a mesos.v1.TaskInfo in JSON).")
    .option("--framework <file>", "the framework: a mesos.v1.FrameworkInfo in JSON")
    .option("--executor <file>", "the executor of a task group: a mesos.v1.ExecutorInfo in JSON")
    .option("--identity <name>", "a name of the client, such as token:ci; may be repeated", added, [])
    .showHelpAfterError("(add --help for usage)")
    .addHelpText("after", EXAMPLES)
    .action(async (file: string, task: string | undefined, options: CheckOptions) => run(file, task, options));
  return command;
}

const added = (name: string, before: readonly string[]) => [...before, name];

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`${file} can't be read: ${whyUnreadable(error)}`);
  }
}

async function run(file: string, task: string | undefined, options: CheckOptions): Promise<void> {
  try {
    // Loaded on demand: otherwise the other commands would load all of it too.
    const { checkRules } = await import("./admissionCheck.js");
    const { text, isAdmitted } = checkRules(file, readBytes(file), task, options);
    process.stdout.write(text);
    if (!isAdmitted) process.exitCode = 1;
  } catch (error) {
    process.stderr.write(`mesos-bridge admission: ${errorText(error)}\n`);
    process.exitCode = 1;
  }
}
