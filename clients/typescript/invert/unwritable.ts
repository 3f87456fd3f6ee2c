import { ProgramError } from "../library/program.js";
import { reason } from "./fileReason.js";

/** The output folder, or a file in it, can't be written. The work of running tasks is not lost. */
export function unwritable(path: string, cause: unknown): ProgramError {
  const text =
    `${path} can't be written: ${reason(cause)}. ` +
    "Once it can be written again, run the program with the same --output: it continues where it stopped";
  return new ProgramError(text, { cause });
}
