import { type ExecFileException, execFile } from "node:child_process";
import { at } from "../support/paths.js";

export interface Execution {
  status: number | string;
  /** Both outputs, one after the other. */
  output: string;
  stdout: string;
}

export interface ExecuteOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Default 9 minutes: a cold cache has compilers and downloads at work. */
  timeoutMs?: number;
}

/** Runs a program to its end, whatever that is. */
export async function execute(command: string, args: string[], options: ExecuteOptions = {}): Promise<Execution> {
  const { cwd = at(), env = process.env, timeoutMs = 540_000 } = options;
  return await new Promise((resolve) => {
    execFile(command, args, { cwd, env, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ status: statusOf(error), output: stdout + stderr, stdout });
    });
  });
}

/** The same for what has to succeed. @throws Error with its output */
export async function succeed(command: string, args: string[], options?: ExecuteOptions): Promise<string> {
  const { status, output, stdout } = await execute(command, args, options);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}\n${output}`);
  return stdout;
}

function statusOf(error: ExecFileException | null): number | string {
  return error === null ? 0 : (error.code ?? error.signal ?? "an error");
}
