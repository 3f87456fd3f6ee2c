import { spawn } from "node:child_process";
import type { JsonValue } from "@bufbuild/protobuf";
import { buildGo } from "../languages/go.js";
import { javaProgram } from "../languages/java.js";
import { pythonFolder, pythonProgram } from "../languages/python.js";
import { buildRust } from "../languages/rust.js";
import { missingToolchain } from "../languages/toolchain.js";
import { at } from "../support/paths.js";

/** What starts a driver. */
export interface Command {
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** What a driver printed; README.md has the meaning. */
export interface DriverOutput {
  events: JsonValue[];
  calls: JsonValue[];
  error: JsonValue;
}

/** A language whose client is held against the cases. */
export interface Language {
  name: string;
  /** Gets what the driver needs, if it is not there, and says how to start it. */
  prepare: () => Promise<Command>;
  /** What has to be in PATH. Without it the language is left out, and that is said; with CI=true its cases fail. */
  programs: readonly string[];
}

/** To add a language: write its driver, and name it here. */
const all: readonly Language[] = [
  {
    name: "TypeScript",
    prepare: async () => ({
      command: process.execPath,
      args: [at("dist/clients/typescript/conformance/main.js")],
    }),
    programs: [],
  },
  { name: "Go", prepare: async () => ({ command: await buildGo("conformance"), args: [] }), programs: ["go"] },
  {
    name: "Python (asyncio)",
    prepare: () => pythonProgram(`${pythonFolder}/conformance/main.py`),
    programs: ["python3"],
  },
  {
    name: "Python (blocking)",
    prepare: () => pythonProgram(`${pythonFolder}/conformance/main.py`, "--blocking"),
    programs: ["python3"],
  },
  {
    name: "Java",
    prepare: () => javaProgram("io.github.mesosbridge.conformance.Conformance"),
    programs: ["java", "mvn"],
  },
  { name: "Rust", prepare: async () => ({ command: await buildRust("conformance"), args: [] }), programs: ["cargo"] },
];

/** Why a language is left out. */
export const leftOut = all
  .map(({ name, programs }) => missingToolchain(name, programs))
  .filter((why) => why !== undefined);
/** Those that can be tested here. */
export const languages = all.filter(({ name, programs }) => missingToolchain(name, programs) === undefined);

/**
 * Runs a driver to its end.
 *
 * @throws Error with what it said on standard error, when it fails or takes longer than `timeoutMs`
 */
export async function drive(driver: Command, input: JsonValue, timeoutMs: number): Promise<DriverOutput> {
  const { command, args, cwd, env = process.env } = driver;
  const child = spawn(command, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
  const output: Record<"stdout" | "stderr", string> = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  // One that ends before it has read all has said why.
  child.stdin.on("error", () => undefined);
  child.stdin.end(JSON.stringify(input));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const status = await new Promise<number | string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? String(signal)));
  }).finally(() => clearTimeout(timer));
  if (status === "SIGKILL") throw new Error(`the driver did not end within ${timeoutMs} ms\n${output.stderr}`);
  if (status !== 0) throw new Error(`the driver ended with ${status}\n${output.stderr}`);
  return JSON.parse(output.stdout) as DriverOutput;
}
