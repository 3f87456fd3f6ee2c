import { type Command, CommanderError } from "commander";

/** The exit status of a wrong command line, as of all programs of this project: docs/programs.md. */
export const USAGE_ERROR = 2;

/** Runs the command that the arguments name. A wrong command line, of which commander has told, ends with status 2. */
export async function runProgram(program: Command): Promise<void> {
  overrideExit(program);
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : USAGE_ERROR;
  }
}

/** Commands that were added ready-made do not inherit it. */
function overrideExit(command: Command): void {
  command.exitOverride();
  for (const each of command.commands) overrideExit(each);
}
