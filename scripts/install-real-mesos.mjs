// Installs the real Mesos that contract tests run against, once a machine, where it can be had.
import { at, isMain, run } from "./lib.mjs";

/**
 * Gives undefined when the real Mesos is installed, or why it can't be.
 *
 * @param options.quiet print only what fails. Default false
 */
export async function installRealMesos({ quiet = false } = {}) {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return `the real Mesos runs on Linux x86-64 only, and this is ${process.platform} ${process.arch}`;
  }
  const { status, output } = await run(at("test/real-mesos/install"), [], { capture: true });
  if (status !== 0) return `test/real-mesos/install failed:\n${output}`;
  if (!quiet) process.stderr.write(output);
  return undefined;
}

if (isMain(import.meta.url)) {
  const missing = await installRealMesos();
  if (missing !== undefined) {
    console.error(missing);
    process.exitCode = 1;
  }
}
