import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "../lib.mjs";

/** Which of these programs are not in PATH. */
export function missingPrograms(programs) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return programs.filter((program) => !folders.some((folder) => folder !== "" && existsSync(join(folder, program))));
}

/** Runs a program to its end, and gives its output. @throws Error with its output, if it fails */
export async function succeed(command, args, options = {}) {
  const { status, output } = await run(command, args, { ...options, capture: true });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}\n${output}`);
  return output;
}
