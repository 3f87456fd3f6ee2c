import { at } from "../support/paths.js";
import { succeed } from "./execute.js";

/** The Python client's folder. */
export const pythonFolder = at("clients/python");

/** The interpreter with the packages that the client needs. */
const interpreter = at(".tools/python/bin/python");
let ready: Promise<string> | undefined;

/** Gets the interpreter, its packages and the client's stubs. Does only what is missing. */
export async function preparePython(): Promise<string> {
  ready ??= (async () => {
    await succeed(process.execPath, [at("scripts/generate-clients.mjs"), "python"]);
    return interpreter;
  })();
  return await ready;
}

/** As the interpreter runs with the client in its path. */
export const pythonEnv: NodeJS.ProcessEnv = { ...process.env, PYTHONPATH: at("clients/python/src") };

/** How a Python file of the client is run. */
export async function pythonProgram(
  ...args: string[]
): Promise<{ command: string; args: string[]; env: NodeJS.ProcessEnv }> {
  return { command: await preparePython(), args, env: pythonEnv };
}
