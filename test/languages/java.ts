import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { at } from "../support/paths.js";
import { succeed } from "./execute.js";

/** The Java client's project. */
export const javaProject = at("clients/java");

let compiled: Promise<void> | undefined;

/** Compiles the client, its programs and tests. Maven itself knows what of it is current. */
async function compile(): Promise<void> {
  await succeed("mvn", ["--batch-mode", "--quiet", "test-compile"], { cwd: javaProject });
}

/** The client, its programs and tests, compiled if they are not yet, and the packages that they need. */
export async function javaClasspath(): Promise<string> {
  compiled ??= compile();
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
