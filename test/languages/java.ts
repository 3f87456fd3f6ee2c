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

/** How a class of the client is run, compiled if it is not yet. */
export async function javaProgram(className: string): Promise<{ command: string; args: string[] }> {
  compiled ??= compile();
  await compiled;
  const target = join(javaProject, "target");
  const packages = readFileSync(join(target, "test.classpath"), "utf8").trim();
  const classpath = [join(target, "classes"), join(target, "test-classes"), packages].join(delimiter);
  // Short programs: compiled no further than needed.
  const flags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"];
  return { command: "java", args: [...flags, "-cp", classpath, className] };
}
