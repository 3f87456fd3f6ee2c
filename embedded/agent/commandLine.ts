import type { CommandInfo } from "../../gen/mesos/v1/mesos.js";

/** A command without a value. */
export class NoProgramError extends Error {}

/** Program and arguments of a CommandInfo: by default its value is a line for the shell. @throws NoProgramError */
export function commandLine(command: CommandInfo): { file: string; args: string[]; argv0: string } {
  const value = command.value;
  if (command.shell ?? true) {
    if (value === undefined) throw new NoProgramError("Shell command is not specified");
    return { file: "/bin/sh", args: ["-c", value], argv0: "sh" };
  }
  if (value === undefined) throw new NoProgramError("Executable path is not specified");
  return { file: value, args: command.arguments.slice(1), argv0: command.arguments[0] ?? value };
}

export function commandEnvironment(command: CommandInfo | undefined): Record<string, string> {
  const variables = command?.environment?.variables ?? [];
  return Object.fromEntries(
    variables.map(({ name, value, secret }) => [name ?? "", value ?? secret?.value?.data?.toString("utf8") ?? ""]),
  );
}
