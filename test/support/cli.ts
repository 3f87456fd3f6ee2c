import { execFile } from "node:child_process";
import { at } from "./paths.js";

export interface CliResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `mesos-bridge` with these arguments to its end. */
export const runCli = (...args: string[]): Promise<CliResult> => runProgram("dist/server/main.js", args);

/** Runs a program of the build to its end. One that takes over 20 s is ended, and its status is -1. */
export function runProgram(path: string, args: readonly string[]): Promise<CliResult> {
  return new Promise((resolve) => {
    execFile(process.execPath, [at(path), ...args], { timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });
}
