import { type ChildProcess, fork, spawn } from "node:child_process";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Command, Report } from "./processes/ipc.js";

/** A process of a benchmark, and how commands get to it and reports from it. */
export interface Channel {
  /** What to call it in an error. */
  readonly name: string;
  readonly child: ChildProcess;
  send(command: Command): void;
  onReport(take: (report: Report) => void): void;
}

/** A module of bench/processes, in a Node of its own, by Node's IPC. */
export class NodeChannel implements Channel {
  readonly child: ChildProcess;

  constructor(
    readonly name: string,
    args: readonly string[] = [],
  ) {
    this.child = fork(fileURLToPath(new URL(`./processes/${name}.js`, import.meta.url)), args);
  }

  send(command: Command): void {
    this.child.send(command);
  }

  onReport(take: (report: Report) => void): void {
    this.child.on("message", take);
  }
}

/** Any program, with JSON objects on its stdin and stdout, one per line. */
export class LineChannel implements Channel {
  readonly name: string;
  readonly child: ChildProcess;

  constructor(program: string, args: readonly string[] = []) {
    this.name = basename(program);
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    // That it has ended is told by its end.
    this.child.stdin?.on("error", () => {});
  }

  send(command: Command): void {
    this.child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  onReport(take: (report: Report) => void): void {
    if (!this.child.stdout) throw new Error(`${this.name} has no stdout`);
    createInterface(this.child.stdout).on("line", (line) => take(JSON.parse(line) as Report));
  }
}
