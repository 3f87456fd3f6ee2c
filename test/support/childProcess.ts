import { spawn } from "node:child_process";
import { setImmediate } from "node:timers/promises";
import { type Deadline, eventually, within } from "./eventually.js";

/** What is kept of a process's output: the end of it. */
const MAX_LOG_CHARS = 512 * 1024;

export interface ProcessOptions {
  command: string;
  args?: string[];
  /** In place of the tests' own environment. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** The line that says that it is ready. Default: it is ready when started */
  ready?: RegExp;
  /** Default 60 s, which only a crowded machine needs */
  readyTimeoutMs?: number;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A child process of the tests. Whoever starts one stops it. */
export interface RunningProcess {
  readonly pid: number;
  /** The match of the ready line; of the empty text where none was asked for. */
  readonly ready: RegExpMatchArray;
  readonly exited: Promise<Exit>;
  /** What it wrote on both outputs. */
  log(): string;
  /** Waits for a match in what it has written or will write. */
  logged(pattern: RegExp, deadline?: Deadline): Promise<RegExpMatchArray>;
  signal(signal: NodeJS.Signals): void;
  /** Sends SIGTERM, and SIGKILL to one that has not gone after `timeoutMs` (default 10 s); waits for its end. */
  stop(options?: { timeoutMs?: number }): Promise<Exit>;
  /** Sends SIGKILL, as a crash does, and waits for its end. */
  kill(): Promise<Exit>;
}

/**
 * Starts a process and waits for its ready line.
 *
 * @throws Error with the end of its output when it ends, or takes too long, before it is ready
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { command, args = [], env, cwd, ready, readyTimeoutMs = 60_000 } = options;
  const child = spawn(command, args, { env: env ?? process.env, cwd, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-MAX_LOG_CHARS);
    });
  }
  let ended: Exit | undefined;
  const exited = new Promise<Exit>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      someTurns().then(() => {
        ended = { code, signal };
        resolve(ended);
      }, reject);
    });
  });
  exited.catch(() => {});
  const name = [command, ...args].join(" ");

  const running: RunningProcess = {
    pid: child.pid ?? -1,
    ready: "".match("") as RegExpMatchArray,
    exited,
    log: () => log,
    async logged(pattern, deadline) {
      const found = () => {
        const match = log.match(pattern);
        if (!match && ended) throw new Fatal(`${name} ended (${describeExit(ended)}) without ${pattern}\n${log}`);
        return match;
      };
      return eventually(() => rethrowFatal(found), { what: `${pattern} of ${name}`, ...deadline }).then(unwrap);
    },
    signal(signal) {
      child.kill(signal);
    },
    async stop({ timeoutMs = 10_000 } = {}) {
      if (!ended) child.kill("SIGTERM");
      return within(exited, { timeoutMs, what: `the end of ${name}` }).catch(() => running.kill());
    },
    async kill() {
      if (!ended) child.kill("SIGKILL");
      return exited;
    },
  };
  if (!ready) return running;
  try {
    return { ...running, ready: await running.logged(ready, { timeoutMs: readyTimeoutMs }) };
  } catch (error) {
    await running.kill().catch(() => {});
    throw new Error(`${name} did not get ready: ${(error as Error).message}\n${log}`, { cause: error });
  }
}

/**
 * Lets the event loop read what a process wrote before it ended: its end may be seen first. Waiting for the end of its
 * outputs would be waiting for the processes that it left behind with them.
 */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await setImmediate();
}

/** An error that no waiting will mend. */
class Fatal extends Error {}

/** Hands a fatal error out as a value, so that polling ends at once. */
function rethrowFatal<T>(poll: () => T): T | Fatal {
  try {
    return poll();
  } catch (error) {
    if (error instanceof Fatal) return error;
    throw error;
  }
}

function unwrap<T>(value: T | Fatal): T {
  if (value instanceof Fatal) throw value;
  return value;
}

function describeExit({ code, signal }: Exit): string {
  return signal ? `by ${signal}` : `with status ${code}`;
}
