import { type Command, Option } from "commander";

/** Adds `--config`, which names a file with more options. */
export function addConfigOption(command: Command): Command {
  const help = "TOML file with options, whose keys are the names of the flags; flags and the environment override it";
  return command.addOption(new Option("--config <file>", help));
}
