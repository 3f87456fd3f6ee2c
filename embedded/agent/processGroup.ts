import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";

/** How a process ended, as waitpid tells it: exit status N is N * 256, death by signal N is N. */
export type WaitStatus = number;
/** Of a process that nobody here started. */
export const UNKNOWN_STATUS: WaitStatus = -1;

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly argv0?: string | undefined;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  /** Files that the output is appended to. */
  readonly stdout: string;
  readonly stderr: string;
}

/** A child process that leads a process group and session of its own, so that it can be ended with all it started. */
export class ProcessGroup {
  readonly pid: number;

  private constructor(pid: number) {
    this.pid = pid;
  }

  /** @throws Error when the program can't be started. `onEnd` is called once, when the leader has ended. */
  static async start(command: Command, onEnd: (status: WaitStatus) => void): Promise<ProcessGroup> {
    const stdout = openSync(command.stdout, "a");
    const stderr = openSync(command.stderr, "a");
    let child: ChildProcess;
    try {
      child = spawn(command.file, command.args, {
        cwd: command.directory,
        env: command.env,
        argv0: command.argv0 ?? command.file,
        stdio: ["ignore", stdout, stderr],
        detached: true,
      });
    } finally {
      closeSync(stdout);
      closeSync(stderr);
    }
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    const group = new ProcessGroup(child.pid ?? 0);
    const ended = (code: number | null, signal: NodeJS.Signals | null) => {
      onEnd(signal === null ? (code ?? 0) * 256 : constants.signals[signal]);
    };
    // It may have ended while its start was awaited.
    if (child.exitCode !== null || child.signalCode !== null) {
      setImmediate(() => ended(child.exitCode, child.signalCode));
    } else child.once("exit", ended);
    return group;
  }

  /** Signals the leader and whatever of its group is left; nothing if there is none. */
  signal(signal: NodeJS.Signals): void {
    signalGroup(this.pid, signal);
  }
}

export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 1) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

const SIGNAL_TEXTS: Readonly<Record<string, string>> = {
  SIGHUP: "Hangup",
  SIGINT: "Interrupt",
  SIGQUIT: "Quit",
  SIGILL: "Illegal instruction",
  SIGTRAP: "Trace/breakpoint trap",
  SIGABRT: "Aborted",
  SIGBUS: "Bus error",
  SIGFPE: "Floating point exception",
  SIGKILL: "Killed",
  SIGUSR1: "User defined signal 1",
  SIGSEGV: "Segmentation fault",
  SIGUSR2: "User defined signal 2",
  SIGPIPE: "Broken pipe",
  SIGALRM: "Alarm clock",
  SIGTERM: "Terminated",
};

/** As Mesos words it: `Command exited with status 3`, `Command terminated with signal Killed`. */
export function waitStatusText(status: WaitStatus): string {
  const signal = status & 0x7f;
  if (signal === 0) return `Command exited with status ${status >> 8}`;
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? "";
  return `Command terminated with signal ${SIGNAL_TEXTS[name] ?? signal}`;
}
