import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { at } from "../support/paths.js";

/** As a user's shell has it: npm gives the scripts that it runs settings of this checkout. */
export const userEnv: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(?:npm_|INIT_CWD$|NODE_PATH$|PYTHONPATH$)/i.test(name)),
);

const runFile = promisify(execFile);

/** Runs a program outside the checkout, to its end, and gives what it wrote on both outputs. @throws Error with its output */
export async function runIn(cwd: string, command: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const options = { cwd, env: { ...userEnv, ...env }, timeout: 540_000, maxBuffer: 64 * 1024 * 1024 };
  const { stdout, stderr } = await runFile(command, args, options).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}${error.stderr}`);
  });
  return stdout + stderr;
}

/** Builds these packages into `output`, as `npm run release` does. */
export async function release(output: string, ...packages: string[]): Promise<string> {
  return await runIn(output, process.execPath, [at("scripts/release.mjs"), "--output", output, ...packages]);
}

/** The one file of a package whose name matches. */
export function released(output: string, name: string, pattern: RegExp): string {
  const found = readdirSync(join(output, name), { recursive: true, encoding: "utf8" }).filter((file) =>
    pattern.test(file),
  );
  if (found.length !== 1) throw new Error(`${name} has ${found.length} files like ${pattern}: ${found.join(", ")}`);
  return join(output, name, found[0] ?? "");
}

/** Installs npm packages; what `npm ci` has fetched is taken from npm's cache. */
export async function npmInstall(folder: string, ...args: string[]): Promise<void> {
  const quiet = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
  await runIn(folder, "npm", ["install", ...quiet, ...args]);
}
