import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { commandExecutor } from "./commandExecutorProgram.js";
import { commandLine, NoProgramError } from "./commandLine.js";
import type { Executor } from "./executor.js";
import { ProcessGroup, type WaitStatus } from "./processGroup.js";

/**
 * Starts the process of an executor. If the program does not exist, the executor still ends as in Mesos: the launcher,
 * which runs in its place, fails.
 *
 * @param onEnd is called once, even if this returns undefined
 * @throws Error when it is not for the program that nothing can be started
 */
export async function startProcess(
  executor: Executor,
  env: Readonly<Record<string, string>>,
  onEnd: (status: WaitStatus) => void,
): Promise<ProcessGroup | undefined> {
  const directory = executor.sandbox;
  const output = { stdout: join(directory, "stdout"), stderr: join(directory, "stderr") };
  try {
    const program = executor.isMesosOwn
      ? commandExecutor()
      : commandLine(executor.info.command ?? { uris: [], arguments: [] });
    const group = await ProcessGroup.start({ ...program, directory, env, ...output }, (status) => {
      // What the executor left behind in its group goes with it.
      group.signal("SIGKILL");
      onEnd(status);
    });
    return group;
  } catch (error) {
    const status = launcherStatus(error);
    if (status === undefined) throw error;
    await appendFile(output.stderr, `${(error as Error).message}\n`);
    onEnd(status);
    return undefined;
  }
}

/** What the launcher exits with when it can't start what it is to start; undefined when it is not to blame. */
function launcherStatus(error: unknown): WaitStatus | undefined {
  if (error instanceof NoProgramError) return 1 * 256;
  const { syscall, code = "" } = error as NodeJS.ErrnoException;
  const isShortage = ["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"].includes(code);
  return syscall?.startsWith("spawn") && !isShortage ? 127 * 256 : undefined;
}
