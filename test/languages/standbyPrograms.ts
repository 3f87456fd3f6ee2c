import { type BatchProgram, IN_TYPESCRIPT } from "../support/batch.js";
import { at } from "../support/paths.js";
import { succeed } from "./execute.js";
import { goModule } from "./go.js";
import { pythonProgram } from "./python.js";

/** The clients of a batch in TypeScript, Go and Python. @param goProgram where Go's is built */
export async function batchPrograms(goProgram: string): Promise<readonly BatchProgram[]> {
  await succeed("go", ["build", "-o", goProgram, at("test/languages/standby/batch.go")], { cwd: goModule });
  return [IN_TYPESCRIPT, { command: goProgram, args: [] }, await pythonProgram(at("test/languages/standby/batch.py"))];
}
