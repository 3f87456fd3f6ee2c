import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { within } from "../support/eventually.js";

/** What starts a driver. */
export interface Command {
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** What a driver printed of a run; README.md has the meaning. */
export interface DriverOutput {
  events: JsonValue[];
  calls: JsonValue[];
  error: JsonValue;
}

/** The driver could not make a run: the library refused its options, or the driver itself failed. */
export class RunFailure extends Error {
  override readonly name = "RunFailure";
}

type Answer = { run: number } & (DriverOutput | { failure: string });

/** A line that is waited for. */
interface Run {
  answered(output: DriverOutput): void;
  failed(error: Error): void;
}

/** What drives a language's client: one process for all runs, but for those that want another environment. */
export class LanguageDriver {
  readonly #command: Command;
  #shared: DriverProcess | undefined;

  constructor(command: Command) {
    this.#command = command;
  }

  /** Makes a run, as `DriverProcess.drive`. */
  async drive(
    input: JsonObject,
    timeoutMs: number,
    environment?: Readonly<Record<string, string>>,
  ): Promise<DriverOutput> {
    if (environment === undefined) return await this.#process().drive(input, timeoutMs);
    const own = new DriverProcess({
      ...this.#command,
      env: { ...(this.#command.env ?? process.env), ...environment },
    });
    try {
      return await own.drive(input, timeoutMs);
    } finally {
      await own.stop();
    }
  }

  /** Ends the process in order. @throws as `DriverProcess.stop` */
  async stop(): Promise<void> {
    await this.#shared?.stop();
  }

  /** A new one, if the last has ended. */
  #process(): DriverProcess {
    if (this.#shared === undefined || this.#shared.ended) this.#shared = new DriverProcess(this.#command);
    return this.#shared;
  }
}

/** A driver in a process of its own, which makes many runs at a time. */
class DriverProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #runs = new Map<number, Run>();
  readonly #exited: Promise<void>;
  #ended: Error | undefined;
  #last = 0;
  #stderr = "";

  constructor({ command, args, cwd, env = process.env }: Command) {
    this.#child = spawn(command, args, { cwd, env, stdio: "pipe" });
    // One that ends before it has read all says why on standard error.
    this.#child.stdin.on("error", () => undefined);
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-16_384);
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#answered(line));
    this.#exited = new Promise((resolve) => {
      this.#child.on("error", (error) => this.#end(error));
      this.#child.on("close", (code, signal) => {
        this.#end(new Error(`the driver ended with ${code ?? signal}\n${this.#stderr}`));
        resolve();
      });
    });
  }

  /** Whether it takes no more runs. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * Makes one run. A driver that takes longer than that is killed, with all its runs.
   *
   * @throws Error with what the driver said, when the run or the driver fails
   */
  async drive(input: JsonObject, timeoutMs: number): Promise<DriverOutput> {
    if (this.#ended) throw this.#ended;
    const run = ++this.#last;
    const timer = setTimeout(() => {
      this.#end(new Error(`the driver did not end a run within ${timeoutMs} ms\n${this.#stderr}`));
    }, timeoutMs);
    try {
      return await new Promise((answered, failed) => {
        this.#runs.set(run, { answered, failed });
        this.#child.stdin.write(`${JSON.stringify({ ...input, run })}\n`);
      });
    } finally {
      clearTimeout(timer);
      this.#runs.delete(run);
    }
  }

  /** Ends it in order. @throws Error if it is not gone after a while, or ends with another status than 0 */
  async stop(): Promise<void> {
    if (this.#ended) return await this.#exited;
    this.#child.stdin.end();
    try {
      await within(this.#exited, { timeoutMs: 10_000, what: "the end of the driver after its last run" });
    } finally {
      this.#child.kill("SIGKILL");
    }
    if (this.#child.exitCode !== 0) throw this.#ended ?? new Error("the driver failed");
  }

  #answered(line: string): void {
    let answer: Answer;
    try {
      answer = JSON.parse(line) as Answer;
    } catch {
      return this.#end(new Error(`the driver printed what is not JSON: ${line.slice(0, 1_000)}\n${this.#stderr}`));
    }
    const run = this.#runs.get(answer.run);
    if ("failure" in answer) run?.failed(new RunFailure(answer.failure));
    else run?.answered(answer);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#child.kill("SIGKILL");
    for (const { failed } of this.#runs.values()) failed(this.#ended);
  }
}
