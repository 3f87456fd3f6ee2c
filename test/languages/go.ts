import { at } from "../support/paths.js";
import { succeed } from "./execute.js";

/** The Go client's module. */
export const goModule = at("clients/go");

/** The module of the programs in Go that the benchmarks run. */
export const goBenchModule = at("bench/go");

/** Builds one of its commands, and gives the program. Go itself knows what of it is current. */
export async function buildGo(command: string): Promise<string> {
  const program = at(".tools/go", command);
  await succeed("go", ["build", "-o", program, `./cmd/${command}`], { cwd: goModule });
  return program;
}
