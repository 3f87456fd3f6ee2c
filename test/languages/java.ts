import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { withLock } from "../../scripts/lib.mjs";
import { at } from "../support/paths.js";
import { succeed } from "./execute.js";

/** The Java client's project. */
export const javaProject = at("clients/java");

let compiled: Promise<void> | undefined;

/**
 * Runs Maven in the client's project, and gives what it said. One at a time: the files that two of them write are the same.
 *
 * @throws Error with its output, if it fails
 */
export async function maven(...args: string[]): Promise<string> {
  return await withLock("maven", () => succeed("mvn", ["--batch-mode", ...args], { cwd: javaProject }));
}

/** Compiles the client, its programs and tests. Maven itself knows what of it is current. */
export async function compileJava(): Promise<void> {
  await maven("--quiet", "test-compile");
}

/** The client, its programs and tests, compiled if they are not yet, and the packages that they need. */
export async function javaClasspath(): Promise<string> {
  compiled ??= compileJava();
  await compiled;
  const target = join(javaProject, "target");
  const packages = readFileSync(join(target, "test.classpath"), "utf8").trim();
  return [join(target, "classes"), join(target, "test-classes"), packages].join(delimiter);
}

/** How a class of the client is run. */
export async function javaProgram(className: string): Promise<{ command: string; args: string[] }> {
  // Short programs: compiled no further than needed.
  const flags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"];
  return { command: "java", args: [...flags, "-cp", await javaClasspath(), className] };
}
