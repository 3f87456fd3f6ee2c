import { ProgramError } from "../library/program.js";
import { reason } from "./fileReason.js";

/** The output folder, or a file in it, can't be written. What tasks do meanwhile is not lost. */
export function unwritable(path: string, cause: unknown): ProgramError {
  const text =
    `${path} can't be written: ${reason(cause)}. ` +
    "Once it can be, call the program again with the same --output: it goes on where it was";
  return new ProgramError(text, { cause });
}
